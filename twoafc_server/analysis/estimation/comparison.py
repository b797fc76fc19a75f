"""Statements about rates: against 50 %, equivalence to it, and one system against another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import logit
from statsmodels.stats.multitest import multipletests

from twoafc_server.analysis.estimation.crossed import (
    Cells,
    Variance,
    logit_interval,
    plain_interval,
    rate_variance,
    two_way,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """Fool rate of one system minus another's; arrays are (...).

    Attributes:
        estimate: difference of rates, -1..1.
        low, high: its interval.
        p: two-sided p-value of no difference.
    """

    estimate: Floats
    variance: Variance
    low: Floats
    high: Floats
    p: Floats


def difference(first: Cells, second: Cells, level: float = 0.95) -> Difference:
    """Compare two systems over the same rows (participants) and columns (images).

    Both systems' influence values of a participant, and of an image, are summed before they are
    squared: images pair the systems always, participants where they saw both (`within`).
    """
    influence = first.influence - second.influence
    variance = two_way(
        influence,
        np.minimum(first.participants, second.participants),
        np.minimum(first.images, second.images),
    )
    estimate = first.rate - second.rate
    low, high = plain_interval(estimate, variance, level)
    return Difference(estimate, variance, low, high, two_sided(estimate, variance))


def two_sided(estimate: Floats, variance: Variance) -> Floats:
    """Two-sided p-value of `estimate` = 0 by t; NaN where nothing varies."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(2 * stats.t.sf(np.abs(estimate / variance.se), variance.df))


def against_half(cells: Cells) -> Floats:
    """Two-sided p-value of a population rate of 50 %, on the headline's logit scale."""
    return _logit_p(cells, 0.5, "two-sided")


def equivalence(cells: Cells, margin: float) -> Floats:
    """TOST (Schuirmann 1987): p-value of a rate outside 50 % +- `margin`; small = equivalent.

    margin: in 0..0.5, declared before the data were seen.
    """
    above = _logit_p(cells, 0.5 - margin, "greater")
    below = _logit_p(cells, 0.5 + margin, "less")
    return np.maximum(above, below)


def equivalence_interval(cells: Cells, level: float = 0.95) -> tuple[Floats, Floats]:
    """The 2 * level - 1 (90 %) interval: TOST holds exactly where it lies within the margin."""
    return logit_interval(cells.rate, rate_variance(cells), 2 * level - 1)


def _logit_p(cells: Cells, null: float, side: str) -> Floats:
    rate, variance = cells.rate, rate_variance(cells)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (logit(rate) - logit(null)) * rate * (1 - rate) / variance.se
    if side == "two-sided":
        return np.asarray(2 * stats.t.sf(np.abs(t), variance.df))
    return np.asarray(stats.t.sf(t if side == "greater" else -t, variance.df))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p-values; NaN stays NaN and counts as no test."""
    adjusted = np.full(len(p_values), np.nan)
    known = ~np.isnan(p_values)
    if known.any():
        adjusted[known] = multipletests(np.asarray(p_values)[known], method="holm")[1]
    return [float(p) for p in adjusted]
