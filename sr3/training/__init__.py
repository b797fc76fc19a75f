"""A training run: its configuration, one step, the loop, the run folder, checks and logs.

Imports every room but searching. Hands out TrainConfig, Run and train, Trainer.
"""
