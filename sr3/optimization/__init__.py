"""How weights move and are averaged: Adam and Muon, running averages, mixtures of snapshots.

Imports base, machine and networks. Hands out Optimizers, Ema, reconstruct of an average.
"""
