"""What systems of one kind share: interpolation without weights, models trained by `sr3.train`.

Imports the protocol and `sr3`. Hands out Interpolation and Trained.
"""
