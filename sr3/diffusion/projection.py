"""Exact agreement with the low-resolution input: x <- x - A^+ (A x - lr).

A is the one resize operator, which acts on rows and columns apart, so A^+ does too. Each side's A
has full row rank, so A^+ = A^T (A A^T)^-1, solved once in float64.
"""

from functools import lru_cache

import torch
from torch import Tensor

from sr3.pictures.resize import resize

CLIP_ROUNDS = 16  # of projection and clipping in turn; docs/sample.md has the effect


def axis_matrix(size: int, scale: int) -> Tensor:
    """A of one side: (size / scale, size) float64, the resize operator applied to unit vectors."""
    unit = torch.eye(size, dtype=torch.float64)[None, None]
    return resize(unit, (size // scale, size))[0, 0]


def pseudo_inverse(matrix: Tensor) -> Tensor:
    """A^+ (H, h) of A (h, H) of full row rank, in its dtype."""
    factor = torch.linalg.cholesky(matrix @ matrix.mT)
    return torch.cholesky_solve(matrix, factor).mT.contiguous()


@lru_cache(maxsize=32)
def axis_pair(size: int, scale: int) -> tuple[Tensor, Tensor]:
    """(A, A^+) of one side in float64; do not write to them."""
    matrix = axis_matrix(size, scale)
    return matrix, pseudo_inverse(matrix)


class Constraint:
    """Something that pictures are to agree with, and how they are brought to it."""

    def __call__(self, pictures: Tensor) -> Tensor:
        """The nearest pictures (B, 3, H, W) that agree, not clipped."""
        raise NotImplementedError

    def within_range(self, pictures: Tensor, rounds: int = CLIP_ROUNDS) -> Tensor:
        """A picture in [-1, 1] near the projection: projected and clipped in turn.

        Clipping breaks the agreement that projecting made, and less so each time. Where no picture
        in [-1, 1] agrees (an input sharper than any downsampled picture), a rest remains.
        """
        for _ in range(rounds):
            pictures = self(pictures).clamp(-1, 1)
        return pictures


class Projection(Constraint):
    """Nearest picture, in the sense of squared error, whose downsampled version is `lr`.

    Args:
        lr: (B, C, h, w).
        scale: integer factor.
    """

    def __init__(self, lr: Tensor, scale: int) -> None:
        self.lr = lr
        (self.down_y, self.up_y), (self.down_x, self.up_x) = (
            [m.to(lr.device, lr.dtype) for m in axis_pair(side * scale, scale)]
            for side in lr.shape[-2:]
        )

    def residual(self, pictures: Tensor) -> Tensor:
        """A x - lr, (B, C, h, w)."""
        return self.down_y @ pictures @ self.down_x.mT - self.lr

    def __call__(self, pictures: Tensor) -> Tensor:
        """The projection of pictures (B, C, h * scale, w * scale), not clipped."""
        return pictures - self.up_y @ self.residual(pictures) @ self.up_x.mT
