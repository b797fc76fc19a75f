"""One run: what it is told, its rows, foreign rows, shards, the way from suite to records.

Imports every room but reporting's page. Hands out plan and run.
"""
