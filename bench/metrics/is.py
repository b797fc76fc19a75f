# ruff: noqa: N999 -- the id of the metric is its file name
"""Inception score (Salimans et al. 2016) by torch-fidelity, 10 splits.

It cannot exceed the images per split, so it is greyed out under 5000 images, and it means nothing
for faces.
"""

from bench.metrics.kinds.sets import inception_score, inception_score_of
from bench.metrics.protocol import Metric

METRIC = Metric(
    title="IS",
    latex="IS",
    unit="",
    direction="higher",
    decimals=1,
    version=1,
    source="Salimans et al. 2016; torch-fidelity, 10 splits",
    per_set=inception_score,
    unpaired=inception_score_of,
    extractor="inception_2015",
    least_n=10,
    grey_under=5000,
    faces=False,
)
