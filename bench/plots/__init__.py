"""Drawings of finished numbers: inline charts, groups, people, steps, distortion and perception.

Imports comparison, metrics and records. Hands out SVG, PNG and figures.
"""
