"""Coverage (Naeem et al. 2020): share of real pictures with a generated one near.

On Inception's 2048 pooled features.
"""

from bench.metrics.kinds.neighbours import INCEPTION, by_neighbours
from bench.statistics.neighbours import coverage

METRIC = by_neighbours(coverage, INCEPTION)
