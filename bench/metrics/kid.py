"""KID (Binkowski et al. 2018) against the suite's own HR set, by torch-fidelity; shown x1e3.

Subsets hold 1000 images, or all of them where there are fewer.
"""

from bench.metrics.kinds.sets import kid, kid_of
from bench.metrics.protocol import Metric

METRIC = Metric(
    title="KID",
    latex="KID",
    unit="",
    direction="lower",
    decimals=2,
    version=1,
    source="Binkowski et al. 2018; torch-fidelity, subsets of at most 1000",
    per_set=kid,
    unpaired=kid_of,
    extractor="inception_2015",
    least_n=2,
    shown_times=1e3,
    reference_row=False,
)
