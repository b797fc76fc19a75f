"""Do generated pictures repeat training pictures: their nearest ones, in pixels and in features.

Imports measuring, reporting, records and statistics. Hands out ask.
"""
