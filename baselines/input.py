"""The degraded picture itself, as if nothing had been done: enlarged where it is smaller."""

from torch import Tensor

from baselines.protocol import SystemOptions
from baselines.shared.interpolation import Interpolation
from sr3.pictures.operators import KNOWN


def load(options: SystemOptions) -> Interpolation:
    """The system at the suite's scale; gray stays gray, and holes the middle gray."""
    return Interpolation("input", "the degraded picture", options.scale, _as_it_is, {"version": 1})


def _as_it_is(picture: Tensor, scale: int) -> Tensor:
    return picture if scale == 1 else KNOWN["nearest"].up(picture, scale)
