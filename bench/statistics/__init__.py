"""Numbers about numbers: intervals, paired tests, the Frechet distance. Knows arrays only.

Imports no other room. Hands out Interval, Paired, bootstrap_mean, holm, frechet.
"""
