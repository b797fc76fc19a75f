"""Simulated observers with a known true fool rate: for bots, coverage benchmarks and power."""
