"""Training data: where pictures come from, the order they are seen in, how the input is made.

Imports base and pictures. Hands out sources, batches of examples by position, degraded inputs.
"""
