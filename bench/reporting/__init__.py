"""What people look at: the HTML page, plots, contact sheets, the stimuli of a study.

Imports comparison, images, metrics, records and typesetting. Hands out what writes these files.
"""
