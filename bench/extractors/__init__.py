"""Feature extractors and classifiers, one per file: the file name is the registry.

What an extractor is stands in `protocol.py`. Imports pretrained; hands out load_extractor.
"""
