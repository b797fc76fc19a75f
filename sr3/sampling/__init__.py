"""From low resolution or noise to pictures: models, chains of models, folders of work, sheets.

Imports base, diffusion, networks and pictures. Hands out upscale, generate, Stage, run of a chain.
"""
