"""What degradations are made of: operators with adjoint and inverse, kernels, masks, JPEG, chains.

Imports pictures and diffusion. Hands out Operator and its kinds.
"""
