"""Images of a suite: the HR set, the LR made from it, systems' outputs on disk, preparation.

Imports base and suites. Hands out open_set, Item, Output, make_lr.
"""
