"""Systems beside one another, by groups of images, beside conventions and beside people.

Imports metrics, records and statistics. Hands out rankings, pairs, breakdowns, explanations.
"""
