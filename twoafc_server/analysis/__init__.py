"""Fool rates with intervals that hold: participants and images are crossed random samples.

It imports `estimation` and `reading`, `writing` stands on it; it hands out `analyse.analyse`.
"""
