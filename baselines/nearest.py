"""Nearest neighbour: every LR pixel becomes a square; the floor of all systems."""

from torch import Tensor

from baselines.protocol import SystemOptions
from baselines.shared.interpolation import Interpolation


def repeat(lr: Tensor, scale: int) -> Tensor:
    """(B, 3, h, w) -> (B, 3, h * scale, w * scale) by repetition."""
    return lr.repeat_interleave(scale, dim=-2).repeat_interleave(scale, dim=-1)


def load(options: SystemOptions) -> Interpolation:
    """The system at the suite's scale."""
    return Interpolation("nearest", "pixel repetition", options.scale, repeat, {"version": 1})
