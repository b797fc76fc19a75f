"""What stays of a run: records with provenance, the finished run read back, kept or published.

Imports images, metrics and statistics. Hands out Record, FinishedRun, Measurements, PublishedTable.
"""
