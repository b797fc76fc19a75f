"""Intervals and paired tests: every printed number has a 95 % interval, every ranking a test.

Means get BCa bootstrap intervals (Efron 1987). Consistency and LPIPS are skewed, and BCa follows
the skew where the plain percentile interval is off by the order of 1/sqrt(n); for a mean its
acceleration is a closed form, so the correction is free. Proportions get Wilson's interval. Means
are compared by the sign-flip permutation test, whose p-value has no floor at a number of draws.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

LEVEL = 0.95
DRAWS = 2000
CHUNK_ELEMENTS = 4_000_000  # resampled values held at once, so memory is flat in n
EXACT_FLIPS = 20  # differences up to which all 2^n signs are tried
EQUAL = 1e-9  # of the sum of all sizes: sums closer than this are the same

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
    """A minus B on the same images: the difference with its interval, and a two-sided p-value.

    `at_floor` says that no draw was as far out as the difference: all that is known of the p-value
    is that it is below `p_value`.
    """

    difference: Interval
    p_value: float
    test: str
    at_floor: bool = False


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
    """Mean of a - b with its BCa interval; the p-value is that of random signs (`sign_flips`).

    Args:
        a, b: (n,) finite per-image values of two systems, in the same order of images.

    Raises:
        ValueError: different lengths, no values, inf or NaN.
    """
    first, second = _finite(a), _finite(b)
    if first.size != second.size:
        raise ValueError(f"found {first.size} and {second.size} values, wanted pairs")
    differences = first - second
    p_value, how = sign_flips(differences)
    interval = bootstrap_mean(differences, draws, seed)
    return Paired(interval, p_value, f"sign-flip permutation ({how})")


def sign_flips(differences: ArrayLike) -> tuple[float, str]:
    """Two-sided p-value of the mean when every difference may as well have the other sign.

    So it may where the two systems do equally well on each image (Fisher 1935). Zeros say nothing
    and are left out. Up to `EXACT_FLIPS` others all signs are tried; beyond, the tail is Robinson's
    (1982) saddlepoint approximation, whose relative error stays small however far out it is.

    Returns:
        The p-value, and "exact" or "saddlepoint".

    Raises:
        ValueError: no values, inf or NaN.
    """
    sample = _finite(differences)
    sizes, reached = np.abs(sample[sample != 0]), abs(float(sample.sum()))
    if sizes.size <= EXACT_FLIPS:
        return _exact_flips(sizes, reached), "exact"
    return max(_saddlepoint_flips(sizes, reached), sys.float_info.min), "saddlepoint"


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
    return Paired(interval, p_value, "resampled features", at_floor=not beyond.any())


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


def _exact_flips(sizes: Array, reached: float) -> float:
    """Share of all sign patterns whose sum is as far from 0 as the one `reached`."""
    sums = sizes[:1]  # one sign stays: the other half mirrors it
    for size in sizes[1:]:
        sums = np.concatenate([sums - size, sums + size])
    beyond = np.abs(sums) >= reached - EQUAL * sizes.sum()
    return float(beyond.mean()) if sizes.size else 1.0


def _saddlepoint_flips(sizes: Array, reached: float) -> float:
    """The same by r* of Barndorff-Nielsen; K(t) is the sum of log cosh(t size)."""
    least = 2.0 ** (1 - sizes.size)  # all signs alike
    if reached >= sizes.sum() * (1 - EQUAL):
        return least
    if _on_a_grid(sizes):
        reached = max(0.0, reached - float(sizes.min()))  # sums are two steps apart: half of that
    length = float(np.linalg.norm(sizes))
    unit, score = sizes / length, reached / length
    if score < 1e-4:
        return float(2 * special.ndtr(-score))  # w and u vanish below, and r* with them

    def slope(t: float) -> float:
        return float(unit @ np.tanh(t * unit)) - score

    upper = 1.0
    while slope(upper) < 0:
        upper *= 2
    t = float(optimize.brentq(slope, 0.0, upper))
    decay = np.exp(-2 * t * unit)
    cumulant = (t * unit + np.log1p(decay) - np.log(2)).sum()
    w = np.sqrt(2 * (t * score - cumulant))
    u = t * np.sqrt((4 * unit**2 * decay / (1 + decay) ** 2).sum())
    return max(least, min(1.0, float(2 * special.ndtr(-(w + np.log(u / w) / w)))))


def _on_a_grid(sizes: Array) -> bool:
    """Whether all are whole multiples of the smallest, as counts are."""
    steps = sizes / sizes.min()
    return bool(np.allclose(steps, np.rint(steps), rtol=0, atol=1e-6))


def _inside(share: float, draws: int) -> float:
    """A share of the draws kept off 0 and 1, where the normal quantile is infinite."""
    return float(np.clip(share, 1 / (draws + 1), draws / (draws + 1)))


def _agresti_min(only_a: int, only_b: int, n: int) -> tuple[float, float]:
    """Wald interval of the paired difference after half a count is added to each of four cells."""
    total, gap, discordant = n + 2, only_a - only_b, only_a + only_b + 1
    half = float(special.ndtri((1 + LEVEL) / 2)) * (discordant - gap**2 / total) ** 0.5 / total
    return max(-1.0, gap / total - half), min(1.0, gap / total + half)
