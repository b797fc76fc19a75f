"""What a Python program or a notebook uses: `bench.evaluate`, and its results as tables.

Imports running and what lies below it, and sr3's interface. Hands out evaluate, Results.
"""
