"""The systems that a suite compares: one module each, its name in the registry is the file name.

What a system is stands in `protocol.py`. Imports `sr3` only; hands out `load(name, options)`.
"""
