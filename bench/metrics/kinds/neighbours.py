"""Precision, recall, density and coverage over the stored features of a Frechet distance.

One count of balls serves precision and recall, another density and coverage (the papers take k = 3
and k = 5); intervals are by halves without repeats, see `bench.statistics.neighbours`.
"""

from dataclasses import dataclass

from bench.metrics.protocol import Metric, SetValue, TwoSets, Values
from bench.statistics import neighbours
from bench.statistics.intervals import Interval, interval_of_draws, wilson

OF_MANIFOLDS = (neighbours.precision, neighbours.recall)
OF_BALLS = (neighbours.density, neighbours.coverage)


@dataclass(frozen=True)
class Network:
    """Whose features: `title` is empty for Inception, which needs no name in a table."""

    extractor: str
    layer: str
    title: str


INCEPTION = Network("inception_2015", "2048", "")
EFFICIENTNET_LITE0 = Network("efficientnet_lite0", "1280", " (EffNet-Lite0)")


def by_neighbours(statistic: neighbours.Statistic, network: Network) -> Metric:
    """The metric of one of the four numbers on one network's features."""
    kin = OF_MANIFOLDS if statistic in OF_MANIFOLDS else OF_BALLS
    k = 3 if kin is OF_MANIFOLDS else 5
    paper = "Kynkaanniemi et al. 2019" if kin is OF_MANIFOLDS else "Naeem et al. 2020"
    name = statistic.__name__

    def unpaired(sets: TwoSets) -> SetValue:
        value, draws = _measured(sets, network.layer, k, kin)[kin.index(statistic)]
        n, m = len(sets.generated[network.layer]), len(sets.real[network.layer])
        return SetValue(value, interval_of(statistic, value, draws, n, m), draws)

    return Metric(
        title=f"{name.capitalize()}{network.title}",
        latex=f"{name.capitalize()}{network.title}",
        unit="",
        direction="higher",
        decimals=3,
        version=1,
        source=f"{paper}, k = {k}, on the features of {network.extractor}",
        unpaired=unpaired,
        extractor=network.extractor,
        least_n=neighbours.least(k),
        reference_row=False,
    )


def interval_of(
    statistic: neighbours.Statistic, value: float, draws: Values, n: int, m: int
) -> Interval:
    """By the draws; a share's holds Wilson's too, since at 0 and 1 all draws are the same."""
    found = interval_of_draws(value, draws, n)
    ends = [value, *(x for x in (found.low, found.high) if x is not None)]
    if statistic is neighbours.density:
        return Interval(value, max(0.0, min(ends)), max(ends), n)
    of = n if statistic is neighbours.precision else m
    counted = wilson(round(value * of), of)
    ends += [x for x in (counted.low, counted.high) if x is not None]
    return Interval(value, max(0.0, min(ends)), min(1.0, max(ends)), n)


def _measured(
    sets: TwoSets, layer: str, k: int, kin: tuple[neighbours.Statistic, ...]
) -> list[tuple[float, Values]]:
    """Value and draws of each of the kin, from one look at the two sets."""

    def make() -> list[tuple[float, Values]]:
        ours, theirs = sets.generated[layer], sets.real[layer]
        counts = neighbours.count(ours, theirs, k)
        halving = neighbours.halving(ours, theirs, k)
        draws = halving.draws(list(kin), sets.draws, sets.seed, sets.of_real)
        return [(statistic(counts), row) for statistic, row in zip(kin, draws, strict=True)]

    return sets.once(f"neighbours {layer} {k}", make)
