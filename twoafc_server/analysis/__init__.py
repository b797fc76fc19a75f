"""Fool rates with intervals that hold: participants and images are crossed random samples.

At the top the whole analysis of a table of answers, from `estimation` and `reading`; `writing`
stands on it. It hands out `analyse.analyse`.
"""
