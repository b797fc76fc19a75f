"""What every room stands on: argument types, the check for the extra, progress, the cache of a run.

Imports no other room. Hands out require_bench_extra, Counter, RunCache.
"""
