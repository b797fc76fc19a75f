"""Operators that act on rows and columns apart: resizing, and blurs whose kernel is a product."""

from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from sr3.degradations.kinds.operator import DAMPING, Operator
from sr3.diffusion.projection import Constraint, Projection
from sr3.pictures.operators import BICUBIC
from sr3.pictures.operators import Operator as Resize

CUT = 1e-6  # singular values of A below this share of the largest are left out of its inverse


class Axis(NamedTuple):
    """The singular value decomposition of one side's matrix, float64: A = u diag(s) v^T."""

    u: Tensor
    s: Tensor
    v: Tensor


class Separable(Operator):
    """A x = Y x X^T.

    Args:
        rows, columns: Y (n, h, H) and X (n, w, W) float64, n 1 or the number of pictures.
        damping: of the projection.
    """

    def __init__(self, rows: Tensor, columns: Tensor, damping: float = DAMPING) -> None:
        self.rows, self.columns, self.damping = rows, columns, damping

    def __call__(self, hr: Tensor) -> Tensor:
        y, x = self.rows.to(hr)[:, None], self.columns.to(hr)[:, None]
        return y @ hr @ x.mT

    def adjoint(self, degraded: Tensor, size: tuple[int, int]) -> Tensor:
        y, x = self.rows.to(degraded)[:, None], self.columns.to(degraded)[:, None]
        return y.mT @ degraded @ x

    def inverse(self, degraded: Tensor, size: tuple[int, int]) -> Tensor:
        values = self._values
        kept = values > CUT * values.amax(dim=(-2, -1), keepdim=True)
        return self._filtered(degraded, torch.where(kept, 1 / values.clamp(min=1e-300), 0.0))

    def corrected(self, residual: Tensor, size: tuple[int, int]) -> Tensor:
        if not self.damping:
            return self.inverse(residual, size)
        values = self._values
        return self._filtered(residual, values / (values.square() + self.damping))

    @cached_property
    def _axes(self) -> tuple[Axis, Axis]:
        return _decomposed(self.rows), _decomposed(self.columns)

    @cached_property
    def _values(self) -> Tensor:
        """(n, h, w) singular values of A."""
        y, x = self._axes
        return y.s[:, :, None] * x.s[:, None, :]

    def _filtered(self, degraded: Tensor, factors: Tensor) -> Tensor:
        """V (factors * (U^T y)), in the dtype of `degraded`."""
        y, x = ([part.to(degraded)[:, None] for part in axis] for axis in self._axes)
        inside = y[0].mT @ degraded @ x[0]
        return y[2] @ (factors.to(degraded)[:, None] * inside) @ x[2].mT


class Resizing(Separable):
    """A resize operator of `sr3.pictures.operators` by an integer factor."""

    def __init__(self, resize: Resize, size: tuple[int, int], scale: int) -> None:
        (height, width), self.resize, self.scale = size, resize, scale
        rows = resize.matrix(height, height // scale)[None]
        columns = resize.matrix(width, width // scale)[None]
        super().__init__(rows, columns, damping=0.0)

    def __call__(self, hr: Tensor) -> Tensor:
        return self.resize.down(hr, self.scale)

    def onto(self, degraded: Tensor, size: tuple[int, int]) -> Constraint:
        if self.resize is BICUBIC:
            return Projection(degraded, self.scale)
        return super().onto(degraded, size)

    def levels(self, hr: Tensor) -> Tensor:
        made = self.resize.eight_bit(hr.cpu(), self.scale)
        return made.to(hr.device)


def _decomposed(matrix: Tensor) -> Axis:
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    return Axis(u, s, vh.mT)
