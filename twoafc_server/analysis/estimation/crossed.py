"""The headline interval: participants and images are crossed random samples, so both cluster.

Variance: Cameron, Gelbach and Miller (2011), "Robust inference with multiway clustering",
Journal of Business & Economic Statistics 29(2): participants + images - cells, each with its own
G / (G - 1). With few clusters that sum can come out absurdly small or negative, so it is never
taken below half of what independent answers would give (the cells term). Floors further up, such
as the larger one-way term (MacKinnon, Nielsen and Webb 2024, arXiv 2406.08880), cost the
comparison of systems its level: 2-4 % where 5 % is wanted.
Interval: Student's t with min(S, I) - 1 degrees of freedom on the logit scale, which stays inside
0..1 and, unlike the plain scale, holds its coverage at rates such as 8.5 % (`docs/analysis.md`).

Every array may carry leading batch dimensions, so that simulations run the same code.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, logit

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """Answers of one system by participant and image; both arrays are (..., S, I).

    Attributes:
        count: answered trials of the participant on the image, 0 where there is none.
        fooled: how many of them chose the model's output.
    """

    count: Floats
    fooled: Floats

    @property
    def trials(self) -> Floats:
        """Answered trials, (...)."""
        return np.asarray(self.count.sum(axis=(-2, -1)))

    @property
    def rate(self) -> Floats:
        """Pooled fool rate in 0..1, (...)."""
        return np.asarray(self.fooled.sum(axis=(-2, -1)) / self.trials)

    @property
    def participants(self) -> Floats:
        """Participants with at least one answer, (...)."""
        return np.asarray((self.count.sum(axis=-1) > 0).sum(axis=-1), dtype=float)

    @property
    def images(self) -> Floats:
        """Images with at least one answer, (...)."""
        return np.asarray((self.count.sum(axis=-2) > 0).sum(axis=-1), dtype=float)

    @property
    def influence(self) -> Floats:
        """Each cell's share in the error of `rate`, (..., S, I): its residual over all trials."""
        rate, trials = self.rate[..., None, None], self.trials[..., None, None]
        return np.asarray((self.fooled - rate * self.count) / trials)


@dataclass(frozen=True)
class Variance:
    """Two-way cluster variance of an estimate, with its one-way parts; arrays are (...).

    Attributes:
        participant, image, cell: the three one-way terms, corrected for few clusters.
        df: min(S, I) - 1.
    """

    participant: Floats
    image: Floats
    cell: Floats
    df: Floats

    @property
    def raw(self) -> Floats:
        """Participants + images - cells; can be negative."""
        return self.participant + self.image - self.cell

    @property
    def floored(self) -> NDArray[np.bool_]:
        """True where half the cells term stands in for `raw`."""
        return np.asarray(self.raw < self.cell / 2)

    @property
    def total(self) -> Floats:
        """`raw`, but never below half the cells term."""
        return np.maximum(self.raw, self.cell / 2)

    @property
    def se(self) -> Floats:
        """Standard error on the scale of the estimate."""
        return np.sqrt(self.total)


def two_way(influence: Floats, participants: Floats, images: Floats) -> Variance:
    """Two-way cluster variance of an estimate from its influence values.

    Args:
        influence: (..., S, I), summing to 0 over each estimate's cells.
        participants, images: number of clusters that carry data, (...); 2 or more of each.
    """
    cells = np.asarray((influence != 0).sum(axis=(-2, -1)), dtype=float)
    return Variance(
        participant=_corrected((influence.sum(axis=-1) ** 2).sum(axis=-1), participants),
        image=_corrected((influence.sum(axis=-2) ** 2).sum(axis=-1), images),
        cell=_corrected((influence**2).sum(axis=(-2, -1)), np.maximum(cells, 2)),
        df=np.minimum(participants, images) - 1,
    )


def _corrected(sum_of_squares: Floats, clusters: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sum_of_squares * clusters / (clusters - 1))


def rate_variance(cells: Cells) -> Variance:
    """Two-way cluster variance of the pooled fool rate."""
    return two_way(cells.influence, cells.participants, cells.images)


def logit_interval(rate: Floats, variance: Variance, level: float = 0.95) -> tuple[Floats, Floats]:
    """Interval for a rate strictly inside 0..1; NaN where the rate is 0 or 1.

    level: coverage in 0..1, two-sided.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        half = stats.t.ppf((1 + level) / 2, variance.df) * variance.se / (rate * (1 - rate))
        inside = (rate > 0) & (rate < 1)
        low, high = expit(logit(rate) - half), expit(logit(rate) + half)
    return np.where(inside, low, np.nan), np.where(inside, high, np.nan)


def plain_interval(
    estimate: Floats, variance: Variance, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Symmetric t interval, for differences, slopes and other estimates without bounds."""
    half = stats.t.ppf((1 + level) / 2, variance.df) * variance.se
    return estimate - half, estimate + half
