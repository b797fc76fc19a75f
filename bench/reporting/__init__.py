"""What people look at: the HTML page, charts, plots, contact sheets.

Imports comparison, images, metrics, records and typesetting. Hands out pictures and pages.
"""
