"""Precision, recall, density and coverage of two sets of features, by their nearest neighbours.

A picture's ball reaches to its k-th nearest other picture of its own set. Precision is the share of
generated pictures in the ball of a real one, recall that of real ones in the ball of a generated
one (Kynkaanniemi et al. 2019); density is the mean number of real balls that hold a generated
picture, over k, and coverage the share of real balls that hold one (Naeem et al. 2020).

Distances are computed block by block and nothing of n x m numbers is kept, so memory is flat.

A bootstrap would repeat pictures, and a picture beside its own copy has a ball of no size. Draws
are therefore halves of both sets without repeats: the delete-d jackknife with d = n / 2 (Shao and
Wu 1989), which needs no smoothness and whose spread is that of the whole sets without a factor.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BLOCK = 2048  # rows of either set whose distances are held at once
LIMIT = 2048  # pictures of a set that draws are taken from
DEEP = 12  # neighbours kept, times k: fewer than k of them in a half happens once in 10^10

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Statistic = Callable[["Counts"], float]


@dataclass(frozen=True)
class Counts:
    """Which balls hold what.

    Attributes:
        k: of the k-th nearest neighbour.
        balls: (n,) number of real balls around each generated picture.
        recalled: (m,) whether a generated ball holds each real picture.
        covered: (m,) whether each real ball holds a generated picture.
    """

    k: int
    balls: NDArray[np.int64]
    recalled: Mask
    covered: Mask


def precision(counts: Counts) -> float:
    """Share of generated pictures that lie among the real ones."""
    return float((counts.balls > 0).mean())


def recall(counts: Counts) -> float:
    """Share of real pictures that lie among the generated ones."""
    return float(counts.recalled.mean())


def density(counts: Counts) -> float:
    """Real balls around a generated picture, over k; 1 is expected of the same distribution."""
    return float(counts.balls.mean() / counts.k)


def coverage(counts: Counts) -> float:
    """Share of real pictures with a generated one in their ball."""
    return float(counts.covered.mean())


def count(generated: ArrayLike, real: ArrayLike, k: int) -> Counts:
    """Counts of features (n, d) of generated and (m, d) of real pictures.

    Raises:
        ValueError: other shapes, or k or fewer pictures in a set.
    """
    ours, theirs = np.asarray(generated), np.asarray(real)
    if ours.ndim != 2 or theirs.ndim != 2 or ours.shape[1] != theirs.shape[1]:
        raise ValueError(f"found shapes {ours.shape} and {theirs.shape}, wanted (n, d), (m, d)")
    reach, of_real = radii(ours, k), radii(theirs, k)
    balls = np.zeros(len(ours), dtype=np.int64)
    recalled, covered = (np.zeros(len(theirs), dtype=bool) for _ in range(2))
    for a in _blocks(len(ours)):
        for b in _blocks(len(theirs)):
            gaps = distances(ours[a], theirs[b])
            inside = gaps < of_real[b]
            balls[a] += inside.sum(axis=1)
            covered[b] |= inside.any(axis=0)
            recalled[b] |= (gaps < reach[a][:, None]).any(axis=0)
    return Counts(k, balls, recalled, covered)


def radii(rows: NDArray[np.float32], k: int) -> Array:
    """(n,) squared distance of each row to its k-th nearest other row."""
    if len(rows) <= k:
        raise ValueError(f"found {len(rows)} pictures, wanted more than k = {k}")
    return nearest(rows, rows, k, own=True)[0][:, -1]


def nearest(
    rows: NDArray[np.float32], among: NDArray[np.float32], k: int, own: bool = False
) -> tuple[Array, NDArray[np.int64]]:
    """The k nearest of `among` (m, d) to each of `rows` (n, d), nearest first.

    Args:
        own: the two are one set, in which nothing is its own neighbour.

    Returns:
        Squared distances (n, k) and places in `among` (n, k).
    """
    found, places = np.empty((len(rows), k)), np.empty((len(rows), k), dtype=np.int64)
    for a in _blocks(len(rows)):
        best = np.full((a.stop - a.start, k), np.inf)
        where = np.zeros(best.shape, dtype=np.int64)
        for b in _blocks(len(among)):
            gaps = distances(rows[a], among[b])
            if own and a == b:
                np.fill_diagonal(gaps, np.inf)
            both = np.concatenate([best, gaps], axis=1)
            indices = np.concatenate(
                [where, np.broadcast_to(np.arange(b.start, b.stop), gaps.shape)], axis=1
            )
            chosen = np.argpartition(both, k - 1, axis=1)[:, :k]
            best = np.take_along_axis(both, chosen, axis=1)
            where = np.take_along_axis(indices, chosen, axis=1)
        order = np.argsort(best, axis=1, kind="stable")
        found[a] = np.take_along_axis(best, order, axis=1)
        places[a] = np.take_along_axis(where, order, axis=1)
    return found, places


def distances(a: NDArray[np.float32], b: NDArray[np.float32]) -> Array:
    """(n, m) squared Euclidean distances of rows, in float64."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    squares = np.square(x).sum(axis=1)[:, None] + np.square(y).sum(axis=1)
    return np.asarray(np.maximum(squares - 2 * (x @ y.T), 0.0))


@dataclass(frozen=True)
class Halving:
    """What draws of halves are taken from: the first LIMIT pictures of both sets.

    Attributes:
        gaps: (n, m) float32 squared distances of generated to real pictures.
        around, of_real: distances and places of the neighbours within each set.
        share: of the pictures that these are, by which the spread is scaled.
    """

    k: int
    gaps: NDArray[np.float32]
    around: tuple[Array, NDArray[np.int64]]
    of_real: tuple[Array, NDArray[np.int64]]
    share: float

    def draws(self, statistics: list[Statistic], draws: int, seed: int, other: int) -> Array:
        """(statistics, draws) of halves; generated ones by `seed`, real ones by `other`."""
        rng, second = np.random.default_rng(seed), np.random.default_rng(other)
        found = np.empty((len(statistics), draws))
        for draw in range(draws):
            counts = self._half(_half_of(len(self.gaps), rng), _half_of(self.gaps.shape[1], second))
            found[:, draw] = [statistic(counts) for statistic in statistics]
        centre = found.mean(axis=1, keepdims=True)
        return np.asarray(centre + (found - centre) * np.sqrt(self.share))

    def _half(self, ours: Mask, theirs: Mask) -> Counts:
        gaps = self.gaps[np.ix_(ours, theirs)]
        of_real = _radii_within(self.of_real, theirs, self.k)
        inside = gaps < of_real
        recalled = (gaps < _radii_within(self.around, ours, self.k)[:, None]).any(axis=0)
        covered = np.asarray(inside.any(axis=0))
        return Counts(self.k, np.asarray(inside.sum(axis=1)), np.asarray(recalled), covered)


def halving(generated: ArrayLike, real: ArrayLike, k: int) -> Halving:
    """Get ready for draws; of each set more than 2 k pictures are wanted."""
    ours, theirs = (np.asarray(rows)[:LIMIT] for rows in (generated, real))
    if min(len(ours), len(theirs)) < least(k):
        raise ValueError(f"found {len(ours)} and {len(theirs)} pictures, wanted {least(k)} or more")
    around, of_real = (
        nearest(rows, rows, min(DEEP * k, len(rows) - 1), own=True) for rows in (ours, theirs)
    )
    share = max(len(ours) / len(np.asarray(generated)), len(theirs) / len(np.asarray(real)))
    return Halving(k, distances(ours, theirs).astype(np.float32), around, of_real, share)


def least(k: int) -> int:
    """Pictures of a set whose half still has k neighbours for each."""
    return 2 * (k + 1)


def _radii_within(neighbours: tuple[Array, NDArray[np.int64]], half: Mask, k: int) -> Array:
    """Squared distance of each picture of a half to its k-th nearest in that half."""
    gaps, places = neighbours[0][half], neighbours[1][half]
    counted = np.cumsum(half[places], axis=1, dtype=np.int16)
    reached = np.where(counted[:, -1] >= k, (counted >= k).argmax(axis=1), gaps.shape[1] - 1)
    return np.asarray(gaps[np.arange(len(gaps)), reached].astype(np.float32))


def _half_of(n: int, rng: np.random.Generator) -> Mask:
    half = np.zeros(n, dtype=bool)
    half[rng.permutation(n)[: n // 2]] = True
    return half


def _blocks(n: int) -> list[slice]:
    return [slice(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK)]
