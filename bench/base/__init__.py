"""What every room stands on: argument types, the check for the extra, progress, a run's cache.

Imports no other room. Hands out require_bench_extra, Counter, RunCache.
"""
