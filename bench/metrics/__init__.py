"""The metrics, one per file: the file name is the registry.

What a metric is stands in `protocol.py`. Imports kinds and images; hands out load_metric.
"""
