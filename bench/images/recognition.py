"""Which of the known operators made a folder of low-resolution files, measured on their pixels.

Every operator renders LR from HR in each order of rounding, and the rendering nearest to the files
names it. Programs of one operator differ by roundings, well under one level; other kernels, other
borders and compressed files differ by more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.images.pixels import to_batch
from sr3.pictures.operators import KNOWN, PASSES, Operator

CORNER = 128  # LR pixels of the upper left corner that are compared; bounds time and memory
MARGIN = 16  # LR pixels at a cut side, whose kernels reach beyond it
SCREENED = 4  # pictures that every operator renders; the nearest one then renders all
MOST_RMS = 0.75  # levels over the set: above it the operator did not make the files
MOST_RMS_ALONE = 1.5  # levels of a single picture

Read = Callable[[str], tuple[np.ndarray, np.ndarray]]
Way = tuple[str, str]  # operator and rounding


@dataclass(frozen=True)
class Recognition:
    """What was found.

    Attributes:
        operator: name of the one that made the files, or None.
        also: names of others that would have made the same.
        rms: in levels of 255, of the nearest operator over all pictures.
        equal: share of the values that are equal.
        reason: why there is none, or "".
    """

    operator: str | None
    rms: float
    equal: float
    also: tuple[str, ...] = ()
    reason: str = ""

    @property
    def words(self) -> str:
        """One line."""
        if self.operator is None:
            return f"made by none of the known operators: {self.reason}"
        also = f", or {', '.join(self.also)}" if self.also else ""
        return (
            f"made by {self.operator}{also} ({KNOWN[self.operator].title}): "
            f"{self.equal:.2%} of the values equal, {self.rms:.2f} levels RMS"
        )


@dataclass(frozen=True)
class _Fit:
    """How a picture's LR differs from a rendering: sum of squares in levels, values, equal ones."""

    error: float
    equal: int
    values: int


def recognise(stems: Sequence[str], read: Read, scale: int) -> Recognition:
    """The operator behind the LR of a set.

    Args:
        read: HR and LR of a stem, (H, W, 3) and (H / scale, W / scale, 3) uint8.
    """
    ways = [(o.name, p) for o in KNOWN.values() for p in (PASSES if o.kernel else PASSES[:1])]
    step = max(1, len(stems) // SCREENED)
    errors = dict.fromkeys(ways, 0.0)
    for stem in stems[::step][:SCREENED]:
        hr, lr = _corners(*read(stem), scale)
        for way in ways:
            errors[way] += _fit(way, hr, lr, scale).error
    best = min(ways, key=lambda way: errors[way])  # the first of equals
    names = dict.fromkeys(name for name, _ in ways if name != best[0])
    also = [n for n in names if min(errors[w] for w in ways if w[0] == n) == errors[best]]
    fits = {stem: _fit(best, *_corners(*read(stem), scale), scale) for stem in stems}
    return _verdict(KNOWN[best[0]], tuple(also), fits)


def _verdict(operator: Operator, also: tuple[str, ...], fits: dict[str, _Fit]) -> Recognition:
    values = sum(fit.values for fit in fits.values())
    rms = (sum(fit.error for fit in fits.values()) / values) ** 0.5
    equal = sum(fit.equal for fit in fits.values()) / values
    alone = {stem: (fit.error / fit.values) ** 0.5 for stem, fit in fits.items()}
    worst = max(alone, key=lambda stem: alone[stem])
    if rms > MOST_RMS:
        reason = f"the nearest, {operator.name}, is {rms:.1f} levels off (RMS)"
    elif alone[worst] > MOST_RMS_ALONE:
        reason = f"{operator.name} fits, but {worst} is {alone[worst]:.1f} levels off (RMS)"
    else:
        return Recognition(operator.name, rms, equal, also)
    return Recognition(None, rms, equal, (), reason)


def _corners(hr: np.ndarray, lr: np.ndarray, scale: int) -> tuple[Tensor, Tensor]:
    """(1, 3, H, W) and (1, 3, h, w) uint8 of the upper left corner."""
    side = CORNER + MARGIN
    return to_batch([hr[: side * scale, : side * scale]]), to_batch([lr[:side, :side]])


def _fit(way: Way, hr: Tensor, lr: Tensor, scale: int) -> _Fit:
    operator, rounding = way
    rendered = KNOWN[operator].eight_bit(hr, scale, rounding)
    difference = (rendered.to(torch.int16) - lr.to(torch.int16))[..., :CORNER, :CORNER]
    squares = difference.double().square().sum()
    return _Fit(float(squares), int((difference == 0).sum()), difference.numel())
