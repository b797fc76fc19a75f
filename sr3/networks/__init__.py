"""Networks and the models made of them: the U-Net, the sizes by name, weights on disk.

Imports base and diffusion. Hands out Model, ModelSpec, load_model, PRESETS.
"""
