"""From images to scores: decoding, per-image values, stored features, reference statistics.

Imports images, metrics, extractors, records and statistics. Hands out Evaluator.
"""
