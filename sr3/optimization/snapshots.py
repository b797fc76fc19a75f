"""Averages of any width from the snapshots of a run (Karras et al. 2024, section 3.2, appendix C).

Their best mixture comes close to the average of another width, at the last snapshot or before.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sr3.base.errors import InputError
from sr3.networks import checkpoint
from sr3.networks.model import ModelSpec
from sr3.optimization import averages


@dataclass(frozen=True)
class Snapshot:
    """One stored average."""

    path: Path
    step: int
    sigma_rel: float


def snapshots(run: Path) -> list[Snapshot]:
    """The snapshots of a run, by step; InputError when there are none."""
    pattern = re.compile(r"ema-([0-9.e-]+)-step-([0-9]+)\.safetensors")
    folder = run / "snapshots"
    matches = [(p, pattern.fullmatch(p.name)) for p in sorted(folder.glob("ema-*.safetensors"))]
    found = [Snapshot(p, int(m[2]), float(m[1])) for p, m in matches if m]
    if not found:
        raise InputError(f"found no snapshots in {folder}: train with --set snapshot_every=STEPS")
    return sorted(found, key=lambda s: (s.step, s.sigma_rel))


def mix(chosen: Sequence[Snapshot], shares: Sequence[float]) -> dict[str, Tensor]:
    """The weighted sum of stored averages, added up in float64."""
    total: dict[str, Tensor] = {}
    for snapshot, share in zip(chosen, shares, strict=True):
        tensors = checkpoint.read_tensors(snapshot.path).tensors
        for name in tensors:
            value = share * tensors[name].double()
            total[name] = total[name] + value if name in total else value
    return {name: value.float() for name, value in total.items()}


def distance(chosen: Sequence[Snapshot], shares: Sequence[float], step: int, width: float) -> float:
    """Relative L2 distance of the mixture's profile from the wanted one."""
    steps = np.array([s.step for s in chosen] + [step], np.float64)
    exponents = np.array([averages.exponent_of(w) for w in [*(s.sigma_rel for s in chosen), width]])
    gram = averages.correlation(steps[:, None], exponents[:, None], steps, exponents)
    signed = np.append(shares, -1.0)
    return float(np.sqrt(max(0.0, signed @ gram @ signed) / gram[-1, -1]))


@torch.inference_mode()
def reconstruct(run: Path, width: float, step: int | None, out: Path) -> float:
    """Write the average of `width` at `step` (default: the last snapshot's); its `distance`."""
    every = snapshots(run)
    step = every[-1].step if step is None else step
    chosen = [s for s in every if s.step <= step]
    if not chosen:
        raise InputError(f"found no snapshot up to step {step}, the first is at {every[0].step}")
    try:
        shares = averages.mixture([(s.step, s.sigma_rel) for s in chosen], step, width)
    except ValueError as error:
        raise InputError(str(error)) from error
    described = checkpoint.read_tensors(chosen[-1].path).description
    weights = mix(chosen, [float(x) for x in shares])
    far = distance(chosen, [float(x) for x in shares], step, width)
    made = {"sigma_rel": width, "step": step, "snapshots": len(chosen), "profile_distance": far}
    provenance = described["provenance"] | made
    spec = ModelSpec.from_json(described["spec"])
    checkpoint.save_model(out, spec, weights, provenance, half=False)
    return far
