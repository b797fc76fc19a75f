"""Precision (Kynkaanniemi et al. 2019): share of generated pictures that lie among the real ones.

On EfficientNet-Lite0's 1280 features, offline.
"""

from bench.metrics.kinds.neighbours import EFFICIENTNET_LITE0, by_neighbours
from bench.statistics.neighbours import precision

METRIC = by_neighbours(precision, EFFICIENTNET_LITE0)
