"""Intervals and paired tests: every printed number has a 95 % interval, every ranking a test.

Means get BCa bootstrap intervals (Efron 1987). Consistency and LPIPS are skewed, and BCa follows
the skew where the plain percentile interval is off by the order of 1/sqrt(n); for a mean its
acceleration is a closed form, so the correction is free. Proportions get Wilson's interval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

LEVEL = 0.95
DRAWS = 2000
CHUNK_ELEMENTS = 4_000_000  # resampled values held at once, so memory is flat in n

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval over `n` images; the bounds are None where n gives none."""

    value: float
    low: float | None
    high: float | None
    n: int

    def excludes(self, number: float) -> bool:
        """True where both bounds are known and lie on one side of `number`."""
        if self.low is None or self.high is None:
            return False
        return number < self.low or number > self.high


@dataclass(frozen=True)
class Paired:
    """A minus B on the same images: the difference with its interval, and a two-sided p-value."""

    difference: Interval
    p_value: float
    test: str


def resampling_indices(n: int, draws: int, seed: int) -> NDArray[np.int32]:
    """Bootstrap indices (draws, n); the same (n, draws, seed) pairs systems image by image."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, n, size=(draws, n), dtype=np.int32)


def bootstrap_mean(values: ArrayLike, draws: int = DRAWS, seed: int = 0) -> Interval:
    """Mean of per-image values with its BCa interval.

    Args:
        values: (n,) finite numbers, one per image.
        draws: bootstrap resamples; 2000 puts the Monte Carlo error of a bound near 4 % of the
            half-width.
        seed: of the resampling; the same seed resamples the same images for every system.

    Returns:
        The interval; bounds are None when n is 1.

    Raises:
        ValueError: no values, or inf or NaN among them (the caller counts and leaves them out).
    """
    sample = _finite(values)
    mean = float(sample.mean())
    if sample.size == 1:
        return Interval(mean, None, None, 1)
    low, high = _bca_bounds(sample, _resampled_means(sample, draws, seed))
    return Interval(mean, low, high, sample.size)


def paired_bootstrap(a: ArrayLike, b: ArrayLike, draws: int = DRAWS, seed: int = 0) -> Paired:
    """Mean of a - b with its BCa interval, and the p-value at which that interval meets 0.

    Args:
        a, b: (n,) finite per-image values of two systems, in the same order of images.

    Raises:
        ValueError: different lengths, no values, inf or NaN.
    """
    first, second = _finite(a), _finite(b)
    if first.size != second.size:
        raise ValueError(f"found {first.size} and {second.size} values, wanted pairs")
    differences = first - second
    if differences.size == 1:
        return Paired(bootstrap_mean(differences), 1.0, "paired bootstrap (BCa)")
    means = _resampled_means(differences, draws, seed)
    low, high = _bca_bounds(differences, means)
    interval = Interval(float(differences.mean()), low, high, differences.size)
    return Paired(interval, _bca_p_value(differences, means), "paired bootstrap (BCa)")


def wilson(successes: int, n: int) -> Interval:
    """A proportion with Wilson's score interval (1927), which holds near 0 and 1."""
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"found {successes} of {n}, wanted 0 <= successes <= n and n >= 1")
    bounds = stats.binomtest(successes, n).proportion_ci(LEVEL, method="wilson")
    return Interval(successes / n, float(bounds.low), float(bounds.high), n)


def mcnemar(a_wrong: ArrayLike, b_wrong: ArrayLike) -> Paired:
    """Error rate of A minus that of B: exact McNemar test, interval of Agresti and Min (2005).

    Args:
        a_wrong, b_wrong: (n,) booleans, true where the classifier errs on that system's image.
    """
    first, second = np.asarray(a_wrong, dtype=bool), np.asarray(b_wrong, dtype=bool)
    if first.shape != second.shape or first.ndim != 1 or first.size == 0:
        raise ValueError(f"found shapes {first.shape} and {second.shape}, wanted equal (n,)")
    only_a, only_b = int((first & ~second).sum()), int((second & ~first).sum())
    discordant = only_a + only_b
    p_value = stats.binomtest(only_a, discordant).pvalue if discordant else 1.0
    low, high = _agresti_min(only_a, only_b, first.size)
    interval = Interval((only_a - only_b) / first.size, low, high, first.size)
    return Paired(interval, float(p_value), "McNemar (exact)")


def interval_of_draws(value: float, draws: ArrayLike, n: int) -> Interval:
    """Interval of a set-level metric (FID, KID) from its values on resampled features.

    Duplicated images lower the rank of a covariance, so resampled Frechet distances lie above
    the one of the data and a percentile interval can miss its own value. The spread of the draws
    about their own mean is therefore laid around `value`; it tells the sampling error at this n,
    not the bias of a small n.
    """
    spread = _finite(draws)
    low, high = np.quantile(spread - spread.mean(), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(value), float(value + low), float(value + high), n)


def paired_draws(value_a: float, value_b: float, a: ArrayLike, b: ArrayLike, n: int) -> Paired:
    """Compare two set-level values by draws over the same resampled images (`a[i]` with `b[i]`)."""
    spread = _finite(a) - _finite(b)
    interval = interval_of_draws(value_a - value_b, spread, n)
    beyond = np.abs(spread - spread.mean()) >= abs(value_a - value_b)
    p_value = (int(beyond.sum()) + 1) / (spread.size + 1)
    return Paired(interval, min(1.0, p_value), "resampled features")


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down adjusted p-values, in the order given."""
    raw = np.asarray(p_values, dtype=np.float64)
    if raw.size == 0:
        return []
    order = np.argsort(raw, kind="stable")
    stepped = np.maximum.accumulate(raw[order] * np.arange(raw.size, 0, -1))
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(p) for p in adjusted]


def best_of(values: Mapping[str, float], higher_is_better: bool) -> str:
    """The system with the best unrounded value; ties in the value go to the first name given."""
    if not values:
        raise ValueError("found no systems, wanted at least one to rank")
    choose = max if higher_is_better else min
    return choose(values, key=lambda name: values[name])


def tied_best(best: str, against_best: Mapping[str, Paired]) -> frozenset[str]:
    """`best` and every system whose paired interval against it includes 0."""
    tied = {name for name, paired in against_best.items() if not paired.difference.excludes(0.0)}
    return frozenset(tied | {best})


def tied_best_means(
    values: Mapping[str, ArrayLike], higher_is_better: bool, draws: int = DRAWS, seed: int = 0
) -> frozenset[str]:
    """Systems tied for best by paired bootstrap of per-image values over the same images."""
    means = {name: float(_finite(per_image).mean()) for name, per_image in values.items()}
    best = best_of(means, higher_is_better)
    rivals = [name for name in values if name != best]
    against = {name: paired_bootstrap(values[name], values[best], draws, seed) for name in rivals}
    return tied_best(best, against)


def _finite(values: ArrayLike) -> Array:
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or sample.size == 0:
        raise ValueError(f"found values of shape {sample.shape}, wanted (n,) with n >= 1")
    bad = int((~np.isfinite(sample)).sum())
    if bad:
        raise ValueError(f"found {bad} of {sample.size} values inf or NaN: count and leave out")
    return sample


def _resampled_means(sample: Array, draws: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    rows = max(1, CHUNK_ELEMENTS // sample.size)
    means = np.empty(draws)
    for start in range(0, draws, rows):
        stop = min(start + rows, draws)
        drawn = rng.integers(0, sample.size, size=(stop - start, sample.size), dtype=np.int32)
        means[start:stop] = sample[drawn].mean(axis=1)
    return means


def _bca_constants(sample: Array, means: Array) -> tuple[float, float]:
    """Bias correction z0 and acceleration a of a mean (Efron 1987, eqs 2.8 and 6.6)."""
    mean = sample.mean()
    below = (means < mean).mean() + 0.5 * (means == mean).mean()
    deviations = sample - mean
    second = float((deviations**2).sum())
    acceleration = float((deviations**3).sum()) / (6 * second**1.5) if second > 0 else 0.0
    return float(special.ndtri(_inside(below, means.size))), acceleration


def _bca_bounds(sample: Array, means: Array) -> tuple[float, float]:
    if np.ptp(means) == 0:
        return float(means[0]), float(means[0])
    z0, acceleration = _bca_constants(sample, means)
    shifted = z0 + special.ndtri(np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    levels = special.ndtr(z0 + shifted / (1 - acceleration * shifted))
    low, high = np.quantile(means, levels)
    return float(low), float(high)


def _bca_p_value(sample: Array, means: Array) -> float:
    """The BCa bound's formula solved for the level at which the bound is 0, two-sided."""
    if np.ptp(means) == 0:
        return 1.0 if means[0] == 0 else 1 / (means.size + 1)
    z0, acceleration = _bca_constants(sample, means)
    below = (means < 0).mean() + 0.5 * (means == 0).mean()
    distance = float(special.ndtri(_inside(below, means.size))) - z0
    level = float(special.ndtr(distance / (1 + acceleration * distance) - z0))
    return max(min(1.0, 2 * min(level, 1 - level)), 1 / (means.size + 1))


def _inside(share: float, draws: int) -> float:
    """A share of the draws kept off 0 and 1, where the normal quantile is infinite."""
    return float(np.clip(share, 1 / (draws + 1), draws / (draws + 1)))


def _agresti_min(only_a: int, only_b: int, n: int) -> tuple[float, float]:
    """Wald interval of the paired difference after half a count is added to each of four cells."""
    total, gap, discordant = n + 2, only_a - only_b, only_a + only_b + 1
    half = float(special.ndtri((1 + LEVEL) / 2)) * (discordant - gap**2 / total) ** 0.5 / total
    return max(-1.0, gap / total - half), min(1.0, gap / total + half)
