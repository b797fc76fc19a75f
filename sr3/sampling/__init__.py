"""From low resolution to pictures: one model, chains of models, folders of work, the sheet.

Imports base, diffusion, networks and pictures. Hands out upscale, Stage and run of a chain.
"""
