"""Random blur kernels of real-world super-resolution (Wang et al. 2021, Section 3), in float64."""

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

SIDES = tuple(range(7, 22, 2))
SHAPES = ("gaussian", "generalised", "plateau")
SHAPE_SHARES = (0.70, 0.15, 0.15)
ROUND_SHARE = {"gaussian": 0.45 / 0.70, "generalised": 0.12 / 0.15, "plateau": 0.12 / 0.15}
EXPONENTS = {"generalised": (0.5, 4.0), "plateau": (1.0, 2.0)}
SINC_SHARE = 0.1


class Dice:
    """Draws from one generator."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    def uniform(self, least: float, most: float) -> float:
        """A number of [least, most)."""
        u = torch.rand(1, generator=self.generator, dtype=torch.float64).item()
        return least + (most - least) * u

    def chance(self, share: float) -> bool:
        """True for so large a share of the draws."""
        return self.uniform(0, 1) < share

    def pick(self, count: int, shares: Sequence[float] | None = None) -> int:
        """A place among `count`, evenly or by shares."""
        u, total = self.uniform(0, 1), 0.0
        for place in range(count - 1):
            total += shares[place] if shares else 1 / count
            if u < total:
                return place
        return count - 1


def random_kernel(dice: Dice, widest: float) -> Tensor:
    """A blur (k, k): a ringing low-pass, or one of three kinds of hill, round or long.

    Args:
        widest: largest standard deviation in pixels; the smallest is 0.2.
    """
    side = SIDES[dice.pick(len(SIDES))]
    if dice.chance(SINC_SHARE):
        return random_sinc(dice, side)
    shape = SHAPES[dice.pick(len(SHAPES), SHAPE_SHARES)]
    wide = dice.uniform(0.2, widest)
    is_round = dice.chance(ROUND_SHARE[shape])
    narrow, angle = wide if is_round else dice.uniform(0.2, widest), dice.uniform(0, math.pi)
    low, high = EXPONENTS.get(shape, (1.0, 1.0))
    # half of the exponents lie on each side of 1, the Gaussian's
    exponent = dice.uniform(low, 1) if dice.chance(0.5) else dice.uniform(1, high)
    squared = _distance(side, wide, narrow, angle) ** exponent
    hill = 1 / (squared + 1) if shape == "plateau" else torch.exp(-0.5 * squared)
    return hill / hill.sum()


def random_sinc(dice: Dice, side: int | None = None) -> Tensor:
    """The ideal circular low-pass, cut to a square: it overshoots and rings as sharpening does."""
    side = side or SIDES[dice.pick(len(SIDES))]
    cutoff = dice.uniform(math.pi / 3 if side < 13 else math.pi / 5, math.pi)
    radius = _distance(side, 1, 1, 0).sqrt()
    far = radius.clamp(min=1e-9)
    ring = cutoff * torch.special.bessel_j1(cutoff * far) / (2 * math.pi * far)
    ring = torch.where(radius == 0, cutoff**2 / (4 * math.pi), ring)
    return ring / ring.sum()


def _distance(side: int, wide: float, narrow: float, angle: float) -> Tensor:
    """(side, side) squared distance from the middle in units of the two deviations."""
    offset = torch.arange(side, dtype=torch.float64) - side // 2
    y, x = offset[:, None], offset[None]
    along = x * math.cos(angle) + y * math.sin(angle)
    across = y * math.cos(angle) - x * math.sin(angle)
    return (along / wide) ** 2 + (across / narrow) ** 2
