"""Degraded pictures as users have them: gray files for colorization, holes with their masks.

Imports pictures and degradations. Hands out what a model is given for a picture.
"""
