"""Sensitivity d' of a two-alternative forced choice (Macmillan and Creelman 2005, chapter 7)."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from twoafc_server.analysis.estimation.crossed import Cells, plain_interval, two_way


@dataclass(frozen=True)
class Sensitivity:
    """d' with its interval: 0 = cannot tell, positive = finds the reference.

    Attributes:
        criterion: bias towards the left side in z units, None where it was not estimated.
        statement: why a value is missing or bounded, else "".
    """

    dprime: float | None
    low: float | None
    high: float | None
    criterion: float | None = None
    statement: str = ""


def from_rate(rate: float, interval: tuple[float, float]) -> Sensitivity:
    """d' = sqrt(2) z(1 - fool rate), for observers without side bias; limits by the same map."""
    if rate in (0.0, 1.0):
        return Sensitivity(
            None,
            _of(interval[1]),
            _of(interval[0]),
            None,
            "every answer was the same: d' has no finite estimate, only a bound",
        )
    return Sensitivity(_of(rate), _of(interval[1]), _of(interval[0]))


def _of(rate: float) -> float | None:
    value = float(np.sqrt(2) * norm.ppf(1 - rate))
    return value if np.isfinite(value) else None


def from_sides(left: Cells, right: Cells, level: float = 0.95) -> Sensitivity:
    """d' and criterion freed of side bias, with a two-way cluster interval.

    Args:
        left, right: cells of trials with the REFERENCE on that side, `fooled` counting the
            answers "left" (hits in `left`, false alarms in `right`); same rows and columns.

    d' = (z(H) - z(F)) / sqrt(2), criterion = -(z(H) + z(F)) / 2, H and F the two rates.
    """
    hit, false_alarm = left.rate, right.rate
    if not (0 < hit < 1 and 0 < false_alarm < 1):
        return Sensitivity(None, None, None, None, "one side was always or never chosen")
    z_hit, z_false = norm.ppf(hit), norm.ppf(false_alarm)
    influence = left.influence / norm.pdf(z_hit) - right.influence / norm.pdf(z_false)
    both = Cells(left.count + right.count, left.fooled + right.fooled)
    variance = two_way(influence / np.sqrt(2), both.participants, both.images)
    dprime = (z_hit - z_false) / np.sqrt(2)
    low, high = plain_interval(dprime, variance, level)
    return Sensitivity(float(dprime), float(low), float(high), float(-(z_hit + z_false) / 2))
