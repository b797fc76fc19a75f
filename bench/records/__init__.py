"""What stays of a run: records with provenance, the finished run read back, published numbers.

Imports images, metrics and statistics. Hands out Record, FinishedRun, PublishedTable.
"""
