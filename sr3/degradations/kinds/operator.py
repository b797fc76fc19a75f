"""A degradation as a function A of pictures, with what linear algebra can say of it.

A kind of degradation gives A alone; the adjoint then comes from automatic differentiation, and an
approximate inverse and projection from conjugate gradients. Kinds that know better say so.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from sr3.base.errors import InputError
from sr3.diffusion.projection import CLIP_ROUNDS, Constraint

DAMPING = 1e-3  # of the projection, so that what A all but removes is not made of rounding errors
ROUNDING = (2 / 255) ** 2 / 12  # MSE on [-1, 1] that rounding to 8 bits leaves
INVERSE_TOLERANCE, INVERSE_ROUNDS = 1e-8, 1000
PROJECTION_TOLERANCE, PROJECTION_ROUNDS = 1e-4, 60


class Operator:
    """A for the pictures of one batch.

    Attributes:
        linear: whether A is linear, apart from `told`.
        told: (B, n, h, w) in [-1, 1], channels of the degraded picture that do not come from
            the picture, such as a mask (1 where a pixel is known); None for none.
        damping: of the projection; 0 where A can be inverted without raising noise.
    """

    linear = True
    told: Tensor | None = None
    damping = DAMPING

    def __call__(self, hr: Tensor) -> Tensor:
        """A: (B, 3, H, W) floating point in [-1, 1] -> (B, C, h, w), not clipped."""
        raise NotImplementedError

    def degraded(self, hr: Tensor) -> Tensor:
        """A and what is told beside it, (B, C + n, h, w)."""
        made = self(hr)
        return made if self.told is None else torch.cat([made, self.told.to(made)], dim=1)

    def levels(self, hr: Tensor) -> Tensor:
        """(B, 3, H, W) uint8 -> the degraded picture (B, C + n, h, w) uint8.

        In float64 and rounded half up, so that it is the same on every device.
        """
        made = self.degraded(hr.cpu().double() / 127.5 - 1)
        return ((made + 1) * 127.5 + 0.5).floor().clamp(0, 255).to(hr.device, torch.uint8)

    def adjoint(self, degraded: Tensor, size: tuple[int, int]) -> Tensor:
        """A^T: (B, C, h, w) -> (B, 3, *size)."""
        with torch.inference_mode(False), torch.enable_grad():
            given = degraded.clone()
            start = torch.zeros(
                len(given), 3, *size, dtype=given.dtype, device=given.device, requires_grad=True
            )
            (found,) = torch.autograd.grad(self(start), start, given)
        return found

    def inverse(self, degraded: Tensor, size: tuple[int, int]) -> Tensor:
        """A^+: the smallest of the pictures (B, 3, *size) that come nearest to `degraded`."""
        return self._solved(degraded, size, 0.0, INVERSE_TOLERANCE, INVERSE_ROUNDS)

    def corrected(self, residual: Tensor, size: tuple[int, int]) -> Tensor:
        """A^T (A A^T + damping)^-1 of a residual A x - y: what to take off x."""
        tolerance = PROJECTION_TOLERANCE
        return self._solved(residual, size, self.damping, tolerance, PROJECTION_ROUNDS)

    def onto(self, degraded: Tensor, size: tuple[int, int]) -> Constraint:
        """The projection of pictures (B, 3, *size) onto those whose degraded version this is.

        Raises:
            InputError: A is not linear.
        """
        if not self.linear:
            raise InputError("found a degradation that is not linear, wanted one for a projection")
        channels = degraded.shape[1] - (0 if self.told is None else self.told.shape[1])
        return Onto(self, degraded[:, :channels], size)

    def _solved(
        self, target: Tensor, size: tuple[int, int], damping: float, tolerance: float, rounds: int
    ) -> Tensor:
        def normal(z: Tensor) -> Tensor:
            return self(self.adjoint(z, size)) + damping * z

        return self.adjoint(conjugate_gradients(normal, target, tolerance, rounds), size)


class Onto(Constraint):
    """Nearest picture that A takes to `degraded`, where A is invertible; else nearly that."""

    def __init__(self, operator: Operator, degraded: Tensor, size: tuple[int, int]) -> None:
        self.operator, self.wanted, self.size = operator, degraded, size

    def __call__(self, pictures: Tensor) -> Tensor:
        """The projection of pictures (B, 3, *size), not clipped."""
        residual = self.operator(pictures) - self.wanted
        return pictures - self.operator.corrected(residual, self.size)

    def within_range(self, pictures: Tensor, rounds: int = CLIP_ROUNDS) -> Tensor:
        """Projected and clipped in turn; where A weakens much, until the rounding floor is reached.

        Beyond it a damped projection only fits the rounding of the input (the discrepancy principle
        of Morozov 1966).
        """
        if not self.operator.damping:
            return super().within_range(pictures, rounds)
        pictures = pictures.clamp(-1, 1)
        for _ in range(rounds):
            residual = (self.operator(pictures) - self.wanted).square()
            far = residual.mean(dim=(1, 2, 3), keepdim=True) > ROUNDING
            pictures = torch.where(far, self(pictures).clamp(-1, 1), pictures)
        return pictures


def conjugate_gradients(
    matrix: Callable[[Tensor], Tensor], target: Tensor, tolerance: float, rounds: int
) -> Tensor:
    """z with matrix(z) = target, each picture of the batch for itself (Hestenes & Stiefel 1952).

    Args:
        matrix: symmetric and positive semidefinite, on (B, C, h, w).
        tolerance: of the residual, relative to the target.
    """
    z = torch.zeros_like(target)
    residual = target.clone()
    direction, energy = residual, _dot(residual, residual)
    goal = tolerance**2 * energy
    for _ in range(rounds):
        if bool((energy <= goal).all()):
            break
        turned = matrix(direction)
        step = energy / _dot(direction, turned).clamp(min=torch.finfo(target.dtype).tiny)
        step = torch.where(energy > goal, step, 0.0)  # a finished picture stays as it is
        z = z + step * direction
        residual = residual - step * turned
        after = torch.where(energy > goal, _dot(residual, residual), energy)
        direction = residual + after / energy.clamp(min=torch.finfo(target.dtype).tiny) * direction
        energy = after
    return z


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=(1, 2, 3), keepdim=True)
