"""What classical methods share: each picture for itself, as an array on [0, 1], without noise."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from baselines.protocol import SystemOptions
from sr3.base.errors import InputError
from sr3.degradations.protocol import Chosen, choose
from sr3.pictures.images import base_of

Restore = Callable[[np.ndarray, np.ndarray | None], np.ndarray]


@dataclass(frozen=True)
class Classical:
    """A system that restores pictures one by one.

    Attributes:
        restore: (picture (H, W, 3) float64 in [0, 1], bool (H, W) of the pixels that are missing or
            None) -> the same picture restored.
        library: whose version the results depend on.
    """

    name: str
    source: str
    restore: Restore
    library: ModuleType
    provenance_of_method: Mapping[str, Any] = field(default_factory=dict)
    scale: int = 1
    stochastic: bool = False

    @property
    def provenance(self) -> Mapping[str, Any]:
        """All that the output depends on besides the input."""
        library = f"{self.library.__name__} {self.library.__version__}"
        return {"version": 1, "library": library, **self.provenance_of_method}

    def upscale(self, lr: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """(B, C, H, W) in [-1, 1] -> (B, 3, H, W), clipped; needs no noise."""
        pictures = (base_of(lr).permute(0, 2, 3, 1).cpu().double().numpy() + 1) / 2
        missing = [None if lr.shape[1] < 4 else mask.numpy() < 0 for mask in lr[:, -1].cpu()]
        made = [self.restore(p, m) for p, m in zip(pictures, missing, strict=True)]
        unit = torch.from_numpy(np.stack(made)).float().permute(0, 3, 1, 2)
        return (unit * 2 - 1).clamp(-1, 1).to(lr.device)


def degradation_of(name: str, options: SystemOptions, channels: int) -> Chosen:
    """The degradation of a run; InputError where its pictures are not what the system restores."""
    chosen = choose(options.degradation, options.scale)
    if options.scale != 1 or chosen.degradation.channels != channels:
        wanted = {3: "colour pictures of full size", 4: "pictures with a mask"}[channels]
        raise InputError(f"found {chosen.name} for system {name}, which restores {wanted}")
    return chosen
