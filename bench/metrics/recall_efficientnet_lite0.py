"""Recall (Kynkaanniemi et al. 2019): share of real pictures that lie among the generated ones.

On EfficientNet-Lite0's 1280 features, offline.
"""

from bench.metrics.kinds.neighbours import EFFICIENTNET_LITE0, by_neighbours
from bench.statistics.neighbours import recall

METRIC = by_neighbours(recall, EFFICIENTNET_LITE0)
