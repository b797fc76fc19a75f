"""How often intervals hold and tests reject, over simulated studies of one design."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from twoafc_server.analysis.estimation.comparison import against_half, difference, equivalence
from twoafc_server.analysis.estimation.crossed import Cells, Variance, logit_interval, rate_variance
from twoafc_server.analysis.estimation.pigeonhole import draw_rates
from twoafc_server.analysis.estimation.pooled import wilson
from twoafc_server.simulation.numbers import simulate_cells
from twoafc_server.simulation.observers import Observers
from twoafc_server.simulation.plans import Design

Floats = NDArray[np.float64]

# Studies simulated at once: about 20 MB per matrix at the paper's size.
BATCH = 250


@dataclass(frozen=True)
class Coverage:
    """Shares, 0..1, of simulated studies whose interval contains the true rate.

    Attributes:
        two_way: the headline. An all-equal study, which has none, counts as a miss.
        participants, images: clustering on one factor alone.
        wilson: pooled, as if all answers were independent.
        pigeonhole: bootstrap percentile interval, None where it was not simulated.
        half_width: mean half width of the headline, as a rate.
    """

    studies: int
    two_way: float
    participants: float
    images: float
    wilson: float
    pigeonhole: float | None
    half_width: float


def coverage(
    rate: float,
    observers: Observers,
    design: Design,
    studies: int,
    rng: np.random.Generator,
    draws: int = 0,
    level: float = 0.95,
) -> Coverage:
    """Coverage of each interval for one system's true `rate`.

    draws: pigeonhole draws per study, 0 to leave the bootstrap out.
    """
    parts = [
        _held(cells[0], rate, level, draws, rng)
        for cells in _batches((rate,), observers, design, studies, rng)
    ]
    held = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    mean = {name: float(np.mean(values)) for name, values in held.items()}
    return Coverage(
        studies=studies,
        two_way=mean["two_way"],
        participants=mean["participants"],
        images=mean["images"],
        wilson=mean["wilson"],
        pigeonhole=mean.get("pigeonhole"),
        half_width=float(np.nanmean(held["half_width"])),
    )


def _batches(
    rates: Sequence[float],
    observers: Observers,
    design: Design,
    studies: int,
    rng: np.random.Generator,
) -> Iterator[list[Cells]]:
    for start in range(0, studies, BATCH):
        yield simulate_cells(rates, observers, design, min(BATCH, studies - start), rng)


def _held(
    cells: Cells, truth: float, level: float, draws: int, rng: np.random.Generator
) -> dict[str, Floats]:
    variance = rate_variance(cells)
    zero = np.zeros_like(variance.cell)
    alone = {
        "participants": Variance(variance.participant, zero, zero, cells.participants - 1),
        "images": Variance(variance.image, zero, zero, cells.images - 1),
    }
    low, high = logit_interval(cells.rate, variance, level)
    held = {"two_way": _inside(truth, low, high), "half_width": (high - low) / 2}
    for name, one_way in alone.items():
        held[name] = _inside(truth, *logit_interval(cells.rate, one_way, level))
    fooled = np.asarray(cells.fooled.sum(axis=(-2, -1)))
    held["wilson"] = _inside(truth, *wilson(fooled, cells.trials, level))
    if draws:
        held["pigeonhole"] = _inside(truth, *_pigeonhole(cells, draws, level, rng))
    return held


def _inside(truth: float, low: Floats, high: Floats) -> Floats:
    return np.asarray((low <= truth) & (truth <= high), dtype=float)


def _pigeonhole(
    cells: Cells, draws: int, level: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    tail = (1 - level) / 2
    limits = [
        np.nanquantile(draw_rates([Cells(count, fooled)], draws, rng)[:, 0], [tail, 1 - tail])
        for count, fooled in zip(cells.count, cells.fooled, strict=True)
    ]
    low, high = np.array(limits).T
    return low, high


@dataclass(frozen=True)
class Rejections:
    """Shares, 0..1, of simulated studies in which a test came out significant.

    Attributes:
        between_systems: first against second system, None for one system.
        against_half: first system against 50 %.
        equivalent: first system declared equivalent to 50 %.
    """

    studies: int
    between_systems: float | None
    against_half: float
    equivalent: float


def rejections(
    rates: Sequence[float],
    observers: Observers,
    design: Design,
    studies: int,
    rng: np.random.Generator,
    margin: float = 0.05,
    alpha: float = 0.05,
) -> Rejections:
    """How often tests reject at `alpha`: type-I error where they should not, power where so."""
    systems, half, same = [], [], []
    for cells in _batches(rates, observers, design, studies, rng):
        half.append(against_half(cells[0]) < alpha)
        same.append(equivalence(cells[0], margin) < alpha)
        if len(cells) > 1:
            systems.append(difference(cells[0], cells[1]).p < alpha)
    return Rejections(
        studies,
        float(np.concatenate(systems).mean()) if systems else None,
        float(np.concatenate(half).mean()),
        float(np.concatenate(same).mean()),
    )


def simulation_error(share: float, studies: int) -> float:
    """95 % half width of a simulated share: what differences between settings are noise."""
    return float(stats.norm.ppf(0.975) * np.sqrt(share * (1 - share) / studies))
