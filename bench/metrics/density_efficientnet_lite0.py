"""Density (Naeem et al. 2020): real balls around a generated picture.

On EfficientNet-Lite0's 1280 features, offline.
"""

from bench.metrics.kinds.neighbours import EFFICIENTNET_LITE0, by_neighbours
from bench.statistics.neighbours import density

METRIC = by_neighbours(density, EFFICIENTNET_LITE0)
