"""The statistics: rates, intervals, comparisons, effects, from participants-by-images matrices.

It imports no other room and hands out frozen estimates.
"""
