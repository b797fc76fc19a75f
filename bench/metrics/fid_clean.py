"""FID as clean-fid has it (Parmar et al. 2022), against the suite's own HR set.

The network and the distance are those of `fid_paired`; only the resize before Inception differs.
"""

from bench.metrics.kinds.sets import frechet_of, frechet_paired
from bench.metrics.protocol import Metric

METRIC = Metric(
    title="FID (clean)",
    latex="FID (clean)",
    unit="",
    direction="lower",
    decimals=2,
    version=1,
    source="Parmar et al. 2022, mode clean; against the HR of the same images",
    per_set=frechet_paired("2048"),
    unpaired=frechet_of("2048"),
    extractor="inception_2015_clean",
    least_n=2,
    grey_under=2048,
    reference_row=False,
)
