"""Recruitment platforms: who a link brings, whether it is signed, and the way back.

It imports `base` and `design` and hands out visitors and addresses.
"""
