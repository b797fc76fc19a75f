"""Tables as data and in print: a suite's, the paper's, plain text, LaTeX, lines for a terminal.

Imports comparison, metrics and records. Hands out Table and its renderers.
"""
