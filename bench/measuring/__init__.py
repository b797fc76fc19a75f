"""From images to scores: decoding, per-image values, features, sets, reference statistics.

Imports images, metrics, extractors, records and statistics. Hands out Evaluator.
"""
