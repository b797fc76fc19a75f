"""The whole analysis: answers in, one frozen value out. Nothing here reads or writes a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twoafc_server.analysis.estimation.comparison import holm
from twoafc_server.analysis.estimation.crossed import Cells
from twoafc_server.analysis.estimation.effects import (
    Contrast,
    ExposurePoint,
    SideEffects,
    contrast,
    exposure_curve,
    order_effect,
    side_effects,
)
from twoafc_server.analysis.estimation.grid import Grid, grid_of
from twoafc_server.analysis.estimation.mixed import MixedRate, mixed_rate, statsmodels_rate
from twoafc_server.analysis.estimation.pigeonhole import draw_rates, percentile_interval
from twoafc_server.analysis.estimation.rates import Headline, RateReport, describe, headline
from twoafc_server.analysis.estimation.units import UnitTable, image_table, participant_table
from twoafc_server.analysis.quality import Quality, quality
from twoafc_server.analysis.reading.answers import Responses, Source
from twoafc_server.base.errors import InputError

Floats = NDArray[np.float64]

# Participants of `simulate numbers` are called so; nobody else is.
SIMULATED = r"sim-.+-\d{4,}"


@dataclass(frozen=True)
class Settings:
    """What an analysis may choose.

    Attributes:
        level: coverage of all intervals, 0..1.
        margin: equivalence margin around 50 %, 0..0.5.
        margin_origin: `declared in the protocol`, or that it was chosen with the data at hand.
        draws: pigeonhole bootstrap draws.
        seed: of the bootstrap.
        mixed: fit the crossed mixed model by statsmodels too.
    """

    level: float = 0.95
    margin: float = 0.05
    margin_origin: str = "chosen for this analysis, not declared before the data"
    draws: int = 10_000
    seed: int = 0
    mixed: bool = False

    def __post_init__(self) -> None:
        if not 0.5 < self.level < 1:
            raise InputError(f"found level {self.level}, wanted above 0.5 and below 1")
        if not 0 < self.margin < 0.5:
            raise InputError(f"found margin {self.margin}, wanted above 0 and below 0.5")
        if self.draws < 100:
            raise InputError(f"found {self.draws} bootstrap draws, wanted 100 or more")


@dataclass(frozen=True)
class Comparison:
    """First system's rate minus the second's, paired by image.

    Attributes:
        contrast: the difference, its two-way cluster interval and unadjusted p.
        p_holm: p adjusted over all pairs of the task, None where there is no test.
        bootstrap: pigeonhole percentile interval of the difference.
    """

    first: str
    second: str
    contrast: Contrast
    p_holm: float | None
    bootstrap: tuple[float, float] | None


@dataclass(frozen=True)
class SystemReport:
    """All about one system in one task; `side` is a sentence where no side was recorded."""

    rate: RateReport
    all_answers: Headline
    side: SideEffects | str
    order: Contrast
    exposure: tuple[ExposurePoint, ...]
    exposure_trend: Contrast
    images: UnitTable
    participants: UnitTable
    mixed: tuple[MixedRate, ...]


@dataclass(frozen=True)
class TaskReport:
    """One task: its systems by name, their comparisons, and what the data are made of.

    Attributes:
        notes: what a reader must know about the task as a whole.
    """

    task: str
    systems: Mapping[str, SystemReport]
    comparisons: tuple[Comparison, ...]
    quality: Quality
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Analysis:
    """A whole study's analysis.

    Attributes:
        participants: different participants with analysed answers, over all tasks.
        simulated: whether all answers are those of `simulate numbers`.
    """

    source: Source
    settings: Settings
    tasks: tuple[TaskReport, ...]
    participants: int
    simulated: bool


def analyse(responses: Responses, settings: Settings) -> Analysis:
    """Analyse every task of `responses`.

    Raises:
        InputError: no test trial is left to analyse.
    """
    if responses.kept.empty:
        raise InputError(
            f"found 0 test trials after exclusions in {responses.source.study} "
            f"({len(responses.test)} before): nothing to analyse"
        )
    rng = np.random.default_rng(settings.seed)
    tasks = sorted(responses.kept["task"].unique())
    frame = responses.frame
    return Analysis(
        responses.source,
        settings,
        tuple(
            analyse_task(str(task), frame[frame["task"] == task], settings, rng) for task in tasks
        ),
        participants=int(responses.kept["participant"].nunique()),
        simulated=bool(frame["participant"].str.fullmatch(SIMULATED).all()),
    )


def analyse_task(
    task: str, frame: pd.DataFrame, settings: Settings, rng: np.random.Generator
) -> TaskReport:
    """Analyse one task; all its systems share one grid and one bootstrap resample."""
    test = frame[frame["phase"] == "test"]
    kept = test[~test["excluded"]]
    grid = grid_of(kept)
    names = sorted(kept["system"].unique())
    cells = {name: grid.cells(kept[kept["system"] == name]) for name in names}
    samples = draw_rates(list(cells.values()), settings.draws, rng)
    systems = {
        name: _system(name, test, grid, cells[name], samples[:, column], settings)
        for column, name in enumerate(names)
    }
    comparisons = _comparisons(cells, samples, settings)
    return TaskReport(task, systems, comparisons, quality(frame), _notes(test, kept))


def _notes(test: pd.DataFrame, kept: pd.DataFrame) -> tuple[str, ...]:
    notes = [
        f"every answer about {name} was excluded: it has no rate"
        for name in sorted(set(test["system"]) - set(kept["system"]))
    ]
    exposures = sorted(set(kept["exposure_ms_requested"].dropna()))
    if len(exposures) > 1:
        seconds = ", ".join(f"{ms / 1000:g}" for ms in exposures)
        notes.append(f"rates are over exposures of {seconds} s together")
    return tuple(notes)


def _system(
    name: str,
    test: pd.DataFrame,
    grid: Grid,
    cells: Cells,
    samples: Floats,
    settings: Settings,
) -> SystemReport:
    everything = test[test["system"] == name]
    rows, level = everything[~everything["excluded"]], settings.level
    points, trend = exposure_curve(rows, grid, level)
    return SystemReport(
        rate=describe(name, cells, samples, settings.margin, level),
        all_answers=headline(grid_of(everything).cells(everything), level),
        side=side_effects(rows, grid, level),
        order=order_effect(rows, grid, level),
        exposure=points,
        exposure_trend=trend,
        images=image_table(rows, level),
        participants=participant_table(rows, level),
        mixed=_mixed(rows, settings),
    )


def _mixed(rows: pd.DataFrame, settings: Settings) -> tuple[MixedRate, ...]:
    fits = [mixed_rate(rows, settings.level)]
    if settings.mixed:
        fits.append(statsmodels_rate(rows, settings.level))
    return tuple(fit for fit in fits if fit is not None)


def _comparisons(
    cells: Mapping[str, Cells], samples: Floats, settings: Settings
) -> tuple[Comparison, ...]:
    pairs = list(combinations(range(len(cells)), 2))
    names, tables = list(cells), list(cells.values())
    contrasts = [contrast(tables[i], tables[j], settings.level) for i, j in pairs]
    adjusted = holm([np.nan if c.p is None else c.p for c in contrasts])
    return tuple(
        Comparison(
            names[i],
            names[j],
            found,
            None if np.isnan(p) else p,
            None
            if found.p is None
            else percentile_interval(samples[:, i] - samples[:, j], settings.level),
        )
        for (i, j), found, p in zip(pairs, contrasts, adjusted, strict=True)
    )
