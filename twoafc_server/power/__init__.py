"""What a planned design can detect, and how often its intervals hold, by simulated studies.

It imports `simulation`, `analysis` and `base` and hands out tables and one chart.
"""
