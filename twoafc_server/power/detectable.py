"""The smallest difference a planned design finds with given power, and what simulation says."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from twoafc_server.base.errors import InputError
from twoafc_server.power.coverage import Coverage, coverage, rejections
from twoafc_server.simulation.observers import Components, Observers, components
from twoafc_server.simulation.plans import Design

HALF = "against 50 %"
BETWEEN = "between systems, each participant sees one"
WITHIN = "between systems, each participant sees both"


@dataclass(frozen=True)
class Question:
    """What is asked of a design.

    Attributes:
        rate: true fool rate, 0..1, of the system, or of the first of two.
        power: wanted probability of finding the difference, 0..1.
        alpha: two-sided level of the test, 0..1.
    """

    rate: float = 0.5
    power: float = 0.8
    alpha: float = 0.05

    def __post_init__(self) -> None:
        for name in ("rate", "power", "alpha"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(f"found {name} {getattr(self, name)}, wanted inside 0..1")


@dataclass(frozen=True)
class Detectable:
    """One comparison of one design.

    Attributes:
        people: participants in all.
        se: standard error of the estimate, as a rate.
        difference: smallest true difference found with the wanted power, as a rate.
        power: share of simulated studies that found it, None where it was not simulated.
    """

    comparison: str
    design: Design
    people: int
    se: float
    difference: float
    power: float | None = None


def designs(participants: int, trials: int, images: int) -> dict[str, Design]:
    """The three comparisons at equal cost: as many people and as many trials of each.

    participants: per system when each sees one; `within`, all of them see both systems, half of
        their trials each (`trials` is rounded down to an even number).
    """
    plans = {
        HALF: Design(participants, trials, images),
        BETWEEN: Design(participants, trials, images, 2, "between"),
    }
    if trials >= 2:
        plans[WITHIN] = Design(2 * participants, trials // 2, images, 2, "within")
    return plans


def standard_error(comparison: str, design: Design, parts: Components, shared: float) -> float:
    """Standard error of a rate, or of a difference of two rates, from variance components."""
    answers = design.participants * design.trials
    person = parts.participant / design.participants
    image = parts.image / min(design.images, answers)
    residual = parts.residual / answers
    if comparison == HALF:
        return float(np.sqrt(person + image + residual))
    kept = 1 - shared if comparison == WITHIN else 1.0
    return float(np.sqrt(2 * (kept * person + (1 - shared) * image + residual)))


def detectable(
    comparison: str, design: Design, observers: Observers, question: Question
) -> Detectable:
    """Detectable difference (t of the test's level plus t of the power, times the error)."""
    if min(design.participants, design.images) < 2:
        raise InputError(
            f"found {design.participants} participants and {design.images} images, wanted 2 or "
            "more of each: with one, no difference holds for others"
        )
    parts = components(question.rate, observers)
    error = standard_error(comparison, design, parts, observers.shared)
    df = min(design.participants, design.images) - 1
    reach = stats.t.ppf(1 - question.alpha / 2, df) + stats.t.ppf(question.power, df)
    return Detectable(comparison, design, design.everyone, error, float(reach * error))


def simulated(
    found: Detectable, observers: Observers, question: Question, studies: int, seed: int = 0
) -> Detectable:
    """`found` with the power that simulated studies have at its difference."""
    rates = _rates(found, question.rate)
    if rates is None:
        return found
    rng = np.random.default_rng(seed)
    share = rejections(rates, observers, found.design, studies, rng, alpha=question.alpha)
    power = share.against_half if found.comparison == HALF else share.between_systems
    return Detectable(
        found.comparison, found.design, found.people, found.se, found.difference, power
    )


def _rates(found: Detectable, rate: float) -> tuple[float, ...] | None:
    """True rates one detectable difference apart, None where that leaves 0..1."""
    if found.comparison == HALF:
        other = 0.5 - found.difference
        return (other,) if other > 0.01 else None
    other = rate - found.difference if rate >= 0.5 else rate + found.difference
    return (rate, other) if 0.01 < other < 0.99 else None


def planned_coverage(
    design: Design, observers: Observers, question: Question, studies: int, seed: int = 0
) -> Coverage:
    """Coverage of the headline and of the usual intervals for one system of the design."""
    rng = np.random.default_rng(seed)
    return coverage(question.rate, observers, design, studies, rng, level=1 - question.alpha)
