"""Muon for devices that have no bf16 arithmetic; elsewhere `torch.optim.Muon` is used.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) replaces the momentum of a
weight matrix by a near-orthogonal matrix with the same singular vectors. PyTorch's own iterates in
bf16 whatever the weights are, which a processor without bf16 instructions has to emulate.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

QUINTIC = (3.4445, -4.7750, 2.0315)  # of x, x^3, x^5: the steepest at 0 that stays near 1
ITERATIONS = 5
MOMENTUM = 0.95
SMALLEST_NORM = 1e-7
ADAM_SCALE = 0.2  # root mean square of Adam's updates (Liu et al. 2025, arXiv:2502.16982)


def near_orthogonal(matrix: Tensor) -> Tensor:
    """(m, n) with its singular values brought near 1, to 0.68 to 1.21, by Newton-Schulz.

    Each iteration applies the polynomial p(x) = a x + b x^3 + c x^5 to every singular value, in the
    format of `matrix`. Values under 0.002 of the norm end lower.
    """
    a, b, c = QUINTIC
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x: Tensor = wide / wide.norm().clamp(min=SMALLEST_NORM)  # no singular value exceeds the norm
    for _ in range(ITERATIONS):
        squared = x @ x.T
        x = a * x + (b * squared + c * squared @ squared) @ x
    return x if wide is matrix else x.T


class FloatMuon(torch.optim.Optimizer):
    """Muon with Nesterov momentum, no weight decay, and updates as large as Adam's."""

    def __init__(self, matrices: Iterable[nn.Parameter], lr: float) -> None:
        super().__init__(matrices, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Move every matrix that has a gradient; `closure` is not used."""
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is not None:
                    self._move(matrix, matrix.grad, group["lr"])

    def _move(self, matrix: nn.Parameter, gradient: Tensor, learning_rate: float) -> None:
        state = self.state[matrix]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        momentum: Tensor = state["momentum_buffer"]
        momentum.lerp_(gradient, 1 - MOMENTUM)
        update = near_orthogonal(gradient.lerp(momentum, MOMENTUM))
        size: float = ADAM_SCALE * max(matrix.shape) ** 0.5
        matrix.add_(update, alpha=-learning_rate * size)
