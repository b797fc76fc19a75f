"""Operators on each pixel apart: luma, and masks."""

import torch
from torch import Tensor

from sr3.degradations.kinds.operator import Operator
from sr3.pictures.kinds import LUMA


class Luma(Operator):
    """The gray picture (B, 1, H, W): ITU-R BT.601 luma, as Pillow's mode L."""

    damping = 0.0

    def __call__(self, hr: Tensor) -> Tensor:
        return torch.einsum("bchw,c->bhw", hr, hr.new_tensor(LUMA))[:, None]

    def adjoint(self, degraded: Tensor, size: tuple[int, int]) -> Tensor:
        return degraded * degraded.new_tensor(LUMA)[:, None, None]

    def inverse(self, degraded: Tensor, size: tuple[int, int]) -> Tensor:
        weights = degraded.new_tensor(LUMA)
        return degraded * (weights / weights.square().sum())[:, None, None]

    def corrected(self, residual: Tensor, size: tuple[int, int]) -> Tensor:
        return self.inverse(residual, size)


class Masked(Operator):
    """The picture where it is known and 0, the middle gray, elsewhere; told with it is the mask.

    Args:
        known: (B, 1, H, W) bool.
    """

    damping = 0.0

    def __init__(self, known: Tensor) -> None:
        self.known = known
        self.told = known.float() * 2 - 1

    def __call__(self, hr: Tensor) -> Tensor:
        return hr * self.known.to(hr)

    def adjoint(self, degraded: Tensor, size: tuple[int, int]) -> Tensor:
        return self(degraded)

    def inverse(self, degraded: Tensor, size: tuple[int, int]) -> Tensor:
        return self(degraded)

    def corrected(self, residual: Tensor, size: tuple[int, int]) -> Tensor:
        return self(residual)
