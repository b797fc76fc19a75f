"""FID against external reference statistics, as the paper's Table 3: see `bench.reference`."""

from bench.metrics.kinds.sets import EXTRACTOR, LAYER
from bench.metrics.protocol import Features, Metric, SetValue
from bench.statistics.frechet import Gaussian, bootstrap
from bench.statistics.intervals import interval_of_draws


def per_reference(sr: Features, reference: Gaussian, draws: int, seed: int) -> SetValue:
    """Frechet distance of a system's features to the reference."""
    rows = sr[LAYER]
    value, spread = bootstrap(rows, reference, draws, seed)
    return SetValue(value, interval_of_draws(value, spread, len(rows)), spread)


METRIC = Metric(
    title="FID",
    latex="FID",
    unit="",
    direction="lower",
    decimals=2,
    version=1,
    source="Heusel et al. 2017; torch-fidelity's Inception; against reference statistics",
    per_reference=per_reference,
    extractor=EXTRACTOR,
    least_n=2,
    grey_under=2048,
)
