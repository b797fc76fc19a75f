"""Which system is best per metric, which are tied with it, and a paired test of every two."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from bench.metrics.protocol import Metric, Values
from bench.statistics.intervals import Paired, best_of, holm, paired_draws, tied_best

SMALLEST_P = 0.001  # p-values below it are printed as that
# References, interpolation and the degraded input itself: never ranked.
UNRANKED = ("hr", "input", "bicubic", "lanczos", "nearest")


@dataclass(frozen=True)
class Scored:
    """A system's numbers for one metric: per-image values, or a set value with its draws."""

    per_image: Values | None = None
    set_value: float | None = None
    draws: Values | None = None
    n: int = 0

    @property
    def has_value(self) -> bool:
        """False where every image is identical to HR, so that there is no mean."""
        return self.per_image is None or bool(np.isfinite(self.per_image).any())

    def value(self, metric: Metric) -> float:
        """The number that ranks, unrounded: what the metric itself makes of the images."""
        if self.set_value is not None:
            return self.set_value
        assert self.per_image is not None
        return metric.interval(self.per_image[np.isfinite(self.per_image)]).value


@dataclass(frozen=True)
class Pair:
    """System `a` minus system `b`; `p_holm` is corrected over all pairs of the metric.

    `p_is_bound` says that `p_holm` ends at the number of draws and the true one is smaller.
    """

    a: str
    b: str
    difference: float
    low: float | None
    high: float | None
    p_value: float
    p_holm: float
    test: str
    p_is_bound: bool = False


@dataclass(frozen=True)
class Ranking:
    """Order of the ranked systems for one metric. `best` holds all that are tied."""

    best: tuple[str, ...]
    second: str | None
    pairs: tuple[Pair, ...]

    def to_json(self) -> dict[str, Any]:
        """For `comparisons.json`."""
        return {"best": self.best, "second": self.second, "pairs": [asdict(p) for p in self.pairs]}


def rank(metric: Metric, scored: Mapping[str, Scored]) -> Ranking:
    """Rank systems on unrounded values; every pair is tested, Holm over the pairs.

    Args:
        scored: of all systems in one order of images; references, interpolation and the input
            itself are compared, but never ranked.
    """
    scored = {name: s for name, s in scored.items() if s.has_value}
    tests: dict[tuple[str, str], Paired] = {}
    for a, b in combinations(scored, 2):
        paired = compare(metric, scored[a], scored[b])
        if paired is not None:
            tests[a, b] = paired
    pairs = _pairs(tests)
    ranked = {name: s.value(metric) for name, s in scored.items() if name not in UNRANKED}
    if metric.direction == "none" or len(ranked) < 2:
        return Ranking((), None, pairs)
    best, second = _first_two(ranked, metric.direction == "higher")
    against = {
        names: t for names, t in tests.items() if best in names and set(names) <= set(ranked)
    }
    tied = tied_best(best, {a if b == best else b: t for (a, b), t in against.items()})
    order = tuple(name for name in ranked if name in tied)
    return Ranking(order, None if second in tied else second, pairs)


def printed_p(p_value: float, is_bound: bool = False) -> str:
    """`0.042`, `< 0.001`, or `< 0.003` for one of which only the number of draws is known."""
    if p_value < SMALLEST_P:
        return f"< {SMALLEST_P:.3f}"
    if is_bound:
        return f"< {math.ceil(p_value / SMALLEST_P) * SMALLEST_P:.3f}"
    return f"{p_value:.3f}"


def _pairs(tests: Mapping[tuple[str, str], Paired]) -> tuple[Pair, ...]:
    """The tests with Holm's correction, which carries a floor on to the p-values above it."""
    corrected = holm([t.p_value for t in tests.values()])
    least = holm([0.0 if t.at_floor else t.p_value for t in tests.values()])
    return tuple(
        Pair(
            a, b, t.difference.value, t.difference.low, t.difference.high, t.p_value, p, t.test,
            p_is_bound=low < p < 1,
        )
        for ((a, b), t), p, low in zip(tests.items(), corrected, least, strict=True)
    )  # fmt: skip


def compare(metric: Metric, a: Scored, b: Scored) -> Paired | None:
    """Paired test of two systems on the same images; None where nothing can be compared."""
    if a.set_value is not None and b.set_value is not None:
        if a.draws is None or b.draws is None or a.draws.size != b.draws.size or not a.draws.size:
            return None
        return paired_draws(a.set_value, b.set_value, a.draws, b.draws, min(a.n, b.n))
    if a.per_image is None or b.per_image is None or a.per_image.size != b.per_image.size:
        return None
    finite = np.isfinite(a.per_image) & np.isfinite(b.per_image)
    return metric.pair(a.per_image[finite], b.per_image[finite]) if finite.any() else None


def _first_two(values: Mapping[str, float], higher: bool) -> tuple[str, str]:
    best = best_of(values, higher)
    rest = {name: value for name, value in values.items() if name != best}
    return best, best_of(rest, higher)


def rankings(
    metrics: Mapping[str, Metric], scored: Mapping[str, Mapping[str, Scored]]
) -> dict[str, Ranking]:
    """Rankings of all metrics; `scored[metric][system]`."""
    return {name: rank(metrics[name], by_system) for name, by_system in scored.items() if by_system}


def marks(comparisons: Mapping[str, Any], metric: str) -> Mapping[str, str]:
    """System -> "best" or "second" out of the content of `comparisons.json`."""
    ranking: Mapping[str, Any] = comparisons.get(metric, {})
    best: Sequence[str] = ranking.get("best", ())
    second = ranking.get("second")
    return dict.fromkeys(best, "best") | ({second: "second"} if second else {})
