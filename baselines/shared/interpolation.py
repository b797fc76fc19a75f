"""What the interpolating systems share: no weights, no noise, one resize."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from sr3.pictures.images import base_of


@dataclass(frozen=True)
class Interpolation:
    """A system that resizes LR by `scale` with `resize(lr, scale)`."""

    name: str
    source: str
    scale: int
    resize: Callable[[Tensor, int], Tensor]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    stochastic: bool = False

    def upscale(self, lr: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """(B, C, h, w) in [-1, 1] -> (B, 3, h * scale, w * scale), clipped; needs no noise."""
        return self.resize(base_of(lr), self.scale).clamp(-1, 1)
