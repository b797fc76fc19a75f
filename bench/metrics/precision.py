"""Precision (Kynkaanniemi et al. 2019): share of generated pictures that lie among the real ones.

On Inception's 2048 pooled features.
"""

from bench.metrics.kinds.neighbours import INCEPTION, by_neighbours
from bench.statistics.neighbours import precision

METRIC = by_neighbours(precision, INCEPTION)
