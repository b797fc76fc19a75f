"""Coverage (Naeem et al. 2020): share of real pictures with a generated one near.

On EfficientNet-Lite0's 1280 features, offline.
"""

from bench.metrics.kinds.neighbours import EFFICIENTNET_LITE0, by_neighbours
from bench.statistics.neighbours import coverage

METRIC = by_neighbours(coverage, EFFICIENTNET_LITE0)
