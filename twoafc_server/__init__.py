"""Timed two-alternative forced-choice studies: design, serving, storage, analysis.

At the top lies `python -m twoafc_server` alone; every other file lies in a room.
"""
