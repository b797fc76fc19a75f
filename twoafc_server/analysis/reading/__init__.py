"""Answers from a study, a bundle or anybody's CSV as one typed table; published rates beside it.

It imports `formats`, `export`, `storage` and `base` and hands out `sources.load`.
"""
