"""A participant's way: the link, the pages, the trials with their pictures, and every refusal.

It imports `installation`, `platforms`, `texts`, `storage` and `design`; it hands out blueprints.
"""
