"""Frechet distance over EfficientNet-Lite0's 1280 features: works offline, is not FID."""

from bench.metrics.kinds.sets import frechet_of, frechet_paired
from bench.metrics.protocol import Metric

METRIC = Metric(
    title="FD (EffNet-Lite0)",
    latex="FD (EffNet-Lite0)",
    unit="",
    direction="lower",
    decimals=1,
    version=1,
    source="Frechet distance to HR of the same images, EfficientNet-Lite0 pooled features",
    per_set=frechet_paired("1280"),
    unpaired=frechet_of("1280"),
    extractor="efficientnet_lite0",
    least_n=2,
    reference_row=False,
)
