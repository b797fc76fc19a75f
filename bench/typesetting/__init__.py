"""Tables as data and in print: a suite's, the paper's, text, LaTeX, Markdown, and documents.

Imports comparison, metrics and records. Hands out Table, its renderers and the upkeep of documents.
"""
