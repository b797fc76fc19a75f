"""Tables as data and in print: layouts, plain text, LaTeX, Markdown.

Imports comparison, metrics and records. Hands out Table and its renderers.
"""
