"""Documents that prove themselves: marked tables and numbers, filled and checked from kept runs.

Imports typesetting and records. Hands out fill and the upkeep of a set of documents.
"""
