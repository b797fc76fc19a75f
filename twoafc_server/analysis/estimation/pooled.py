"""Intervals that know no clusters: right for one image or participant, else only a contrast."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


def wilson(fooled: Floats, trials: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Wilson's (1927) score interval for independent answers; arrays broadcast.

    At the paper's size it covers the population's rate only half to three quarters of the time.
    """
    z = stats.norm.ppf((1 + level) / 2)
    rate = fooled / trials
    centre = (rate + z**2 / (2 * trials)) / (1 + z**2 / trials)
    spread = np.sqrt(rate * (1 - rate) / trials + z**2 / (4 * trials**2))
    half = z * spread / (1 + z**2 / trials)
    # the ends are exact at 0 and 1, where the difference above is left with rounding
    low = np.where(fooled == 0, 0.0, centre - half)
    high = np.where(fooled == trials, 1.0, centre + half)
    return low, high


def unanimous_interval(all_fooled: bool, units: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper-Pearson (1934) interval when every answer was the same, with `units` independent.

    With all answers equal no spread can be estimated; counting only the fewer of participants and
    images as independent is the most cautious reading of the data.
    """
    bound = float(((1 - level) / 2) ** (1 / units))
    return (bound, 1.0) if all_fooled else (0.0, 1 - bound)
