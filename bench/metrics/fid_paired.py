"""FID against the suite's own HR set: Frechet distance over Inception's 2048 pooled features."""

from bench.metric import Metric
from bench.sets import frechet_paired

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
