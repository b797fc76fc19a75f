"""The mathematics of the paper: schedules, forward process, objectives, samplers, projection.

Imports base and the resize operator. Hands out functions on tensors that know no network.
"""
