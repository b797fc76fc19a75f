"""The researcher's pages: sign-in, progress, state, files to take away.

It imports `installation`, `export` and `storage`; it hands out one blueprint.
"""
