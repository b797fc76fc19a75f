"""Recall (Kynkaanniemi et al. 2019): share of real pictures that lie among the generated ones.

On Inception's 2048 pooled features.
"""

from bench.metrics.kinds.neighbours import INCEPTION, by_neighbours
from bench.statistics.neighbours import recall

METRIC = by_neighbours(recall, INCEPTION)
