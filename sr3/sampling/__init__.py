"""From low resolution or noise to pictures: models, chains of models, folders of work, sheets.

Imports base, diffusion, machine, networks and pictures. Hands out Run, upscale, generate, Stage.
"""
