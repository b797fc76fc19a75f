"""One system's fool rate with everything that is said about it, and in words where it cannot be."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twoafc_server.analysis.estimation.comparison import (
    against_half,
    equivalence,
    equivalence_interval,
)
from twoafc_server.analysis.estimation.components import VarianceComponents, variance_components
from twoafc_server.analysis.estimation.crossed import Cells, Variance, logit_interval, rate_variance
from twoafc_server.analysis.estimation.dprime import Sensitivity, from_rate
from twoafc_server.analysis.estimation.pigeonhole import percentile_interval
from twoafc_server.analysis.estimation.pooled import unanimous_interval, wilson

Floats = NDArray[np.float64]
Interval = tuple[float, float]

TWO_WAY = "two-way cluster"
WILSON = "Wilson"
UNANIMOUS = "Clopper-Pearson on clusters"


@dataclass(frozen=True)
class Headline:
    """A rate in 0..1 with the interval that the data allow.

    Attributes:
        method: `two-way cluster`, or `Wilson` for one image or one participant, or
            `Clopper-Pearson on clusters` where every answer was the same.
        se, df: of the two-way cluster interval, else None.
        statement: what the interval does not cover, "" when it is the two-way one.
    """

    rate: float
    low: float
    high: float
    method: str
    se: float | None
    df: int | None
    statement: str


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests of 50 % +- margin; None where no two-way interval exists."""

    margin: float
    p: float
    low: float
    high: float
    equivalent: bool


@dataclass(frozen=True)
class RateReport:
    """Everything said about one system in one task.

    Attributes:
        trials, participants, images: what went in.
        missing: participant-image pairs that the most complete participant's count would fill.
        bootstrap: pigeonhole percentile interval, None for one image or participant.
        pooled_wilson: the interval most papers print, as a contrast.
        one_way: intervals that cluster on participants, and on images, alone.
    """

    system: str
    trials: int
    participants: int
    images: int
    missing: int
    headline: Headline
    bootstrap: Interval | None
    pooled_wilson: Interval
    one_way: dict[str, Interval] | None
    p_half: float | None
    equivalence: Equivalence | None
    sensitivity: Sensitivity | None
    components: VarianceComponents | None


def headline(cells: Cells, level: float = 0.95) -> Headline:
    """The rate of (S, I) cells with its interval, by the rule of the study document."""
    rate = float(cells.rate)
    if min(cells.participants, cells.images) < 2:
        return _one_cluster(cells, rate, level)
    if rate in (0.0, 1.0):
        return _unanimous(cells, rate, level)
    variance = rate_variance(cells)
    low, high = logit_interval(cells.rate, variance, level)
    df = int(variance.df)
    return Headline(
        rate, float(low), float(high), TWO_WAY, float(variance.se), df, _statement(variance)
    )


def _statement(variance: Variance) -> str:
    notes = []
    if variance.floored:
        notes.append(
            "the estimated variance fell under half of what independent answers would give and "
            "was raised to it: participants and images show no spread of their own here"
        )
    if variance.df < 9:
        notes.append(
            f"only {int(variance.df) + 1} clusters in one direction: the interval is wide and "
            "its coverage was not tested below 12"
        )
    return "; ".join(notes)


def _one_cluster(cells: Cells, rate: float, level: float) -> Headline:
    low, high = wilson(cells.fooled.sum(), cells.trials, level)
    one = "participant" if cells.participants < 2 else "image"
    if cells.participants < 2 and cells.images < 2:
        one = "participant and one image"
    statement = f"one {one}: the interval holds for this {one} alone and says nothing about others"
    return Headline(rate, float(low), float(high), WILSON, None, None, statement)


def _unanimous(cells: Cells, rate: float, level: float) -> Headline:
    units = int(min(cells.participants, cells.images))
    low, high = unanimous_interval(rate == 1.0, units, level)
    what = "chose the output" if rate == 1.0 else "chose the reference"
    statement = (
        f"every answer {what}: no spread can be estimated, so the interval counts only "
        f"{units} independent answers, the fewer of participants and images"
    )
    return Headline(rate, low, high, UNANIMOUS, None, None, statement)


def describe(
    system: str, cells: Cells, samples: Floats | None, margin: float, level: float = 0.95
) -> RateReport:
    """Report on one system; `samples` are its pigeonhole draws (draws,), None to leave them out."""
    top = headline(cells, level)
    crossed = top.method == TWO_WAY
    low, high = wilson(cells.fooled.sum(), cells.trials, level)
    spread = min(cells.participants, cells.images) >= 2
    return RateReport(
        system=system,
        trials=int(cells.trials),
        participants=int(cells.participants),
        images=int(cells.images),
        missing=_missing(cells),
        headline=top,
        bootstrap=None if samples is None or not spread else percentile_interval(samples, level),
        pooled_wilson=(float(low), float(high)),
        one_way=_one_way(cells, level) if crossed else None,
        p_half=float(against_half(cells)) if crossed else None,
        equivalence=_equivalence(cells, margin, level) if crossed else None,
        sensitivity=from_rate(top.rate, (top.low, top.high)),
        components=variance_components(cells) if crossed else None,
    )


def _missing(cells: Cells) -> int:
    per_participant = cells.count.sum(axis=1)
    seen = per_participant[per_participant > 0]
    return int((seen.max() - seen).sum())


def _one_way(cells: Cells, level: float) -> dict[str, Interval]:
    variance = rate_variance(cells)
    zero = np.zeros_like(variance.cell)
    parts = {
        "participants": (variance.participant, cells.participants),
        "images": (variance.image, cells.images),
    }
    intervals = {}
    for name, (part, clusters) in parts.items():
        low, high = logit_interval(cells.rate, Variance(part, zero, zero, clusters - 1), level)
        intervals[name] = (float(low), float(high))
    return intervals


def _equivalence(cells: Cells, margin: float, level: float) -> Equivalence:
    p = float(equivalence(cells, margin))
    low, high = equivalence_interval(cells, level)
    return Equivalence(margin, p, float(low), float(high), p < 1 - level)
