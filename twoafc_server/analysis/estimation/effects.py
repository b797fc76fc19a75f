"""What else moves the answers: side, order within the session, and exposure time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twoafc_server.analysis.estimation.comparison import against_half, difference, two_sided
from twoafc_server.analysis.estimation.crossed import Cells, Variance, plain_interval, two_way
from twoafc_server.analysis.estimation.dprime import Sensitivity, from_sides
from twoafc_server.analysis.estimation.grid import Grid
from twoafc_server.analysis.estimation.rates import Headline, headline

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Contrast:
    """An effect on the fool rate with interval and p; None, and why, where unestimable."""

    estimate: float | None
    low: float | None
    high: float | None
    p: float | None
    statement: str = ""


@dataclass(frozen=True)
class SideEffects:
    """Preference for a side, and whether the fool rate depends on where the output was.

    Attributes:
        chose_left: share of answers "left" over all test trials.
        p_left: p-value of no preference.
        model_left, model_right: fool rate with the output on that side.
        sensitivity: d' and criterion freed of side bias.
    """

    chose_left: Headline
    p_left: float | None
    model_left: Headline
    model_right: Headline
    difference: Contrast
    sensitivity: Sensitivity


@dataclass(frozen=True)
class ExposurePoint:
    """Fool rate at one requested exposure."""

    exposure_ms: float
    trials: int
    headline: Headline


def side_effects(rows: pd.DataFrame, grid: Grid, level: float = 0.95) -> SideEffects | str:
    """Side preference of one system's rows; a sentence where sides were not recorded."""
    known = rows[(rows["side_model"] != "") & (rows["chose"] != "")]
    left, right = (known[known["side_model"] == side] for side in ("left", "right"))
    if left.empty or right.empty:
        return "the model's side was not recorded, or never changed: no side effects"
    cells = {side: grid.cells(part) for side, part in (("left", left), ("right", right))}
    chose_left = grid.cells(known, known["chose"] == "left")
    preference = headline(chose_left, level)
    return SideEffects(
        chose_left=preference,
        p_left=float(against_half(chose_left)) if preference.df else None,
        model_left=headline(cells["left"], level),
        model_right=headline(cells["right"], level),
        difference=contrast(cells["left"], cells["right"], level),
        sensitivity=from_sides(
            grid.cells(right, right["chose"] == "left"),
            grid.cells(left, left["chose"] == "left"),
            level,
        ),
    )


def contrast(first: Cells, second: Cells, level: float = 0.95) -> Contrast:
    """Difference of two rates over the same grid, None with the reason where it has no error."""
    if min(first.participants, second.participants, first.images, second.images) < 2:
        found = float(first.rate - second.rate)
        return Contrast(found, None, None, None, "one participant or one image: no interval")
    found_difference = difference(first, second, level)
    return _contrast(
        found_difference.estimate, found_difference.variance, found_difference.p, level
    )


def slope(rows: pd.DataFrame, x: Floats, grid: Grid, level: float = 0.95) -> Contrast:
    """Change of the fool rate per unit of `x` (one value per row), by least squares.

    A linear-probability slope with the two-way cluster variance of its influence values.
    """
    if grid.shape[0] < 2 or grid.shape[1] < 2:
        return Contrast(None, None, None, None, "one participant or one image: no interval")
    centred = x - x.mean()
    squares = float((centred**2).sum())
    if squares == 0:
        return Contrast(None, None, None, None, "it never changed: no slope")
    fooled = rows["fooled"].to_numpy(dtype=float)
    estimate = float(centred @ fooled) / squares
    residual = fooled - fooled.mean() - estimate * centred
    influence = grid.total(rows, centred * residual / squares)
    people, images = (np.asarray(float(size)) for size in grid.shape)
    variance = two_way(influence, people, images)
    return _contrast(
        np.asarray(estimate), variance, two_sided(np.asarray(estimate), variance), level
    )


def _contrast(estimate: Floats, variance: Variance, p: Floats, level: float) -> Contrast:
    if not variance.se > 0:
        return Contrast(float(estimate), None, None, None, "the answers do not vary: no interval")
    low, high = plain_interval(estimate, variance, level)
    return Contrast(float(estimate), float(low), float(high), float(p))


def order_effect(rows: pd.DataFrame, grid: Grid, level: float = 0.95) -> Contrast:
    """Change of the fool rate from the first to the last test trial of a session."""
    position = rows["position"].to_numpy(dtype=float)
    if position.max() <= 0:
        return Contrast(None, None, None, None, "positions were not recorded")
    span = max(position.max() - position.min(), 1.0)
    return slope(rows, (position - position.min()) / span, grid, level)


def exposure_curve(
    rows: pd.DataFrame, grid: Grid, level: float = 0.95
) -> tuple[tuple[ExposurePoint, ...], Contrast]:
    """Fool rate at each requested exposure, and its change per doubling of the exposure."""
    timed = rows[rows["exposure_ms_requested"] > 0]
    points = tuple(
        ExposurePoint(ms, len(part), headline(grid.cells(part), level))
        for ms, part in _by_exposure(timed)
    )
    if len(points) < 2:
        return points, Contrast(None, None, None, None, "one exposure time: no trend")
    doublings = np.log2(timed["exposure_ms_requested"].to_numpy(dtype=float))
    return points, slope(timed, doublings, grid, level)


def _by_exposure(timed: pd.DataFrame) -> Iterator[tuple[float, pd.DataFrame]]:
    requested = timed["exposure_ms_requested"]
    for ms in sorted(set(requested.tolist())):
        yield float(ms), timed[requested == ms]
