"""Density (Naeem et al. 2020): real balls around a generated picture.

On Inception's 2048 pooled features.
"""

from bench.metrics.kinds.neighbours import INCEPTION, by_neighbours
from bench.statistics.neighbours import density

METRIC = by_neighbours(density, INCEPTION)
