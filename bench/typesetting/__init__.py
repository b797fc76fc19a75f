"""Tables as data and in print: a suite's, the paper's, groups', as text, LaTeX and Markdown.

Imports comparison, metrics and records. Hands out Table and its renderers.
"""
