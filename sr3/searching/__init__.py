"""The search for inference schedules: its space, its scores, the work, the report.

Imports base, diffusion, networks, pictures and sampling. Hands out candidates and their scores.
"""
