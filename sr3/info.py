"""Explain a checkpoint or a model size: `python -m sr3.info FILE` or `--preset NAME`.

For a weights file or a training state: what it is, the network, how it was trained and how far. For
a preset: weights, and the memory that training takes by batch, computed on the meta device.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from sr3.base.errors import InputError, run_command
from sr3.networks import checkpoint
from sr3.networks.presets import PRESETS
from sr3.training import memory

GIB = 2**30


def describe(path: Path) -> dict[str, Any]:
    """What a file of ours holds, as lines of (name, value)."""
    found = checkpoint.read_tensors(path)
    description = found.description
    state = "spec" not in description
    tensors = [found.tensors[name] for name in found.tensors]
    lines: dict[str, Any] = {
        "file": f"{path} ({path.stat().st_size / 1e6:.1f} MB)",
        "sha256": checkpoint.sha256(path),
        "kind": "training state" if state else f"weights, {description['spec']['task']}",
        "format": f"version {found.version}; this program reads up to {checkpoint.VERSION}",
        "values": f"{sum(t.numel() for t in tensors):,} in {len(tensors)} tensors",
        "types": ", ".join(sorted({str(t.dtype).removeprefix("torch.") for t in tensors})),
        "not finite": sum(int((~t.isfinite()).sum()) for t in tensors),
    }
    return lines | (_of_state(description) if state else _of_weights(description))


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


def describe_preset(name: str) -> dict[str, Any]:
    """Size of a preset and the memory of training it."""
    if name not in PRESETS:
        raise InputError(f"found preset {name!r}, wanted one of: {', '.join(sorted(PRESETS))}")
    need = memory.requirement(PRESETS[name], averages=2)
    lines: dict[str, Any] = {
        "network": PRESETS[name],
        "weights": f"{need.weights:,}",
        "forward and backward": f"{need.flops / 1e9:,.1f} GFLOP a picture",
        "fixed memory": f"{need.fixed / GIB:.1f} GiB (weights, gradients, Adam, two averages)",
        "activations": f"{need.activations / GIB:.2f} GiB a picture in bf16, "
        f"{need.recomputed / GIB:.2f} with --recompute",
    }
    for gib in (24, 40, 80, 141):
        plain, recomputed = (need.batch(gib * GIB, r) for r in (False, True))
        lines[f"batch on {gib} GiB"] = f"{plain}, or {recomputed} with --recompute"
    return lines


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m sr3.info", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", help="weights or a training state")
    parser.add_argument("--preset", help="a model size instead of a file")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    if (args.file is None) == (args.preset is None):
        raise InputError("found no FILE and no --preset or both, wanted one")
    lines = describe(args.file) if args.file else describe_preset(args.preset)
    if args.json:
        print(json.dumps(lines, indent=2, default=str))
    else:
        for name, value in lines.items():
            print(f"{name:22} {value}")
    return 0


if __name__ == "__main__":
    run_command(main)
