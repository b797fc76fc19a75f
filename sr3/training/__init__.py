"""A training run: its configuration, one step, optimisers, averages, processes, the run folder.

Imports every room but searching. Hands out TrainConfig, Trainer, RunFolder, Ema.
"""
