"""Cascades: a generator and the stages that enlarge what it made, from a TOML file to pictures.

Imports base, machine, networks, pictures and sampling. Hands out Run and make, read and cascades.
"""
