"""Systems beside one another and beside people: ranking, groups, conventions, correlation.

Imports metrics, records and statistics. Hands out rankings, breakdowns, correlations.
"""
