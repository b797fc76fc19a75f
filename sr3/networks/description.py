"""What a file of ours holds, in words: weights or a training state."""

from pathlib import Path
from typing import Any

from sr3.base.files import sha256_of_file
from sr3.networks import checkpoint, public_weights


def describe(path: Path) -> dict[str, Any]:
    """What a file of ours or a public SR3 checkpoint holds, as lines of (name, value)."""
    if path.suffix.lower() in public_weights.SUFFIXES:
        return _of_public(path)
    found = checkpoint.read_tensors(path)
    description = found.description
    state = "spec" not in description
    tensors = [found.tensors[name] for name in found.tensors]
    lines: dict[str, Any] = {
        "file": f"{path} ({path.stat().st_size / 1e6:.1f} MB)",
        "sha256": sha256_of_file(path),
        "kind": "training state" if state else f"weights, {description['spec']['task']}",
        "format": f"version {found.version}; this program reads up to {checkpoint.VERSION}",
        "values": f"{sum(t.numel() for t in tensors):,} in {len(tensors)} tensors",
        "types": ", ".join(sorted({str(t.dtype).removeprefix("torch.") for t in tensors})),
        "not finite": sum(int((~t.isfinite()).sum()) for t in tensors),
    }
    return lines | (_of_state(description) if state else _of_weights(description))


def _of_public(path: Path) -> dict[str, Any]:
    model = public_weights.load_public(path)
    spec = model.spec.to_json()
    return {
        "file": f"{path} ({path.stat().st_size / 1e6:.1f} MB)",
        "sha256": sha256_of_file(path),
        "kind": "weights of the public SR3 re-implementation",
        "values": f"{sum(p.numel() for p in model.parameters()):,}",
        "network": spec.pop("unet"),
        "model": {k: v for k, v in spec.items() if v not in (None, {}, ())},
    }


def _of_weights(description: dict[str, Any]) -> dict[str, Any]:
    spec, provenance = dict(description["spec"]), description.get("provenance", {})
    network = spec.pop("unet")
    lines = {"network": network, "model": {k: v for k, v in spec.items() if v not in (None, {})}}
    return lines | {f"trained: {k}": v for k, v in provenance.items() if k != "config"}


def _of_state(description: dict[str, Any]) -> dict[str, Any]:
    config = description["config"]
    lines = {
        "run": f"{config['name']}, preset {config['preset']}",
        "step": f"{description['step']} of {config['steps']}",
        "hours": round(description.get("seconds", 0) / 3600, 2),
    }
    for name in ("best", "skipped", "rollbacks", "unusable"):
        if description.get(name):
            lines[name] = description[name]
    return lines | {f"config: {k}": v for k, v in config.items()}
