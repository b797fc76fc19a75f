"""Every word a participant reads: one file per language, and filling in a study's values.

It imports `base` and `design` and hands out resolved texts and their `Wording`.
"""
