"""Training data: where pictures come from, how they are split, sharded, ordered and degraded.

Imports base, machine and pictures. Hands out a Split, batches of examples by position, shards.
"""
