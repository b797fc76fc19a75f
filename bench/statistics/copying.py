"""Whether generated pictures lie nearer to the training set than new pictures of its kind do.

The distance of each generated picture to its nearest training picture is held against the same
distance of held-out pictures: the test of data copying of Meehan, Chaudhuri and Dasgupta (2020).
The training set is taken as it is; both other sets are resampled.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from bench.statistics.intervals import Interval, interval_of_draws, resampling_indices

DRAWS = 1000
NEAREST_SHARE = 0.05  # of held-out pictures; generated ones nearer than these are counted

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Copying:
    """What two sets of distances to one training set say.

    Attributes:
        nearer: chance that a generated picture is nearer than a held-out one; 0.5 where the two
            are as far, 1 for copies.
        ratio: median distance of generated over that of held-out pictures.
        tail: share of generated pictures that are nearer than all but NEAREST_SHARE of held-out.
    """

    nearer: Interval
    ratio: Interval
    tail: Interval


def copying(generated: ArrayLike, held_out: ArrayLike, seed: int = 0) -> Copying:
    """Figures with 95 % intervals (both sets resampled) from distances (n,) and (m,).

    Raises:
        ValueError: fewer than two distances in a set.
    """
    ours, theirs = np.asarray(generated, np.float64), np.asarray(held_out, np.float64)
    if min(ours.size, theirs.size) < 2:
        raise ValueError(f"found {ours.size} and {theirs.size} distances, wanted 2 or more")
    value = _figures(ours, theirs)
    rows = resampling_indices(ours.size, DRAWS, seed)
    others = resampling_indices(theirs.size, DRAWS, seed + 1)
    draws = np.array([_figures(ours[a], theirs[b]) for a, b in zip(rows, others, strict=True)])
    found = [interval_of_draws(v, draws[:, i], ours.size) for i, v in enumerate(value)]
    return Copying(_within(found[0], 1.0), _within(found[1], np.inf), _within(found[2], 1.0))


def nearer(generated: Array, held_out: Array) -> float:
    """Share of pairs of a generated and a held-out picture of which the former is nearer."""
    ranks = stats.rankdata(np.concatenate([generated, held_out]))
    n, m = generated.size, held_out.size
    return float(1 - (ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def _figures(ours: Array, theirs: Array) -> tuple[float, float, float]:
    limit = np.quantile(theirs, NEAREST_SHARE)
    middle = float(np.median(theirs))
    ratio = float(np.median(ours)) / middle if middle else np.nan
    return nearer(ours, theirs), ratio, float((ours < limit).mean())


def _within(found: Interval, most: float) -> Interval:
    """The interval inside what the figure can be."""
    if found.low is None or found.high is None:
        return found
    return Interval(found.value, max(0.0, found.low), min(most, found.high), found.n)
