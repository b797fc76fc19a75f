"""The suites, one frozen value per file: the file name is the registry.

What a suite is stands in `protocol.py`. Imports base; hands out load_suite.
"""
