"""Degradations by file name: what was done to a picture, and what is known of undoing it.

Imports pictures and diffusion. Hands out a DEGRADATION per file; `protocol.py` finds and sets them.
"""
