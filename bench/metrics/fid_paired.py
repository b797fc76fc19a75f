"""FID against the suite's own HR set: Frechet distance over Inception's 2048 pooled features."""

from bench.metrics.kinds.sets import frechet_paired
from bench.metrics.protocol import Metric

METRIC = Metric(
    title="FID (paired)",
    latex="FID (paired)",
    unit="",
    direction="lower",
    decimals=2,
    version=1,
    source="Heusel et al. 2017; torch-fidelity's Inception; against the HR of the same images",
    per_set=frechet_paired("2048"),
    extractor="inception_2015",
    least_n=2,
    grey_under=2048,
    reference_row=False,
)
