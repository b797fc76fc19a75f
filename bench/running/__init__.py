"""One run: what it is told, its plan, its rows, and a file per arrow from rows to tables.

Imports every room below the commands. Hands out plan and run.
"""
