"""Our models as other programs want them: a folder that diffusers loads and samples.

Imports base, networks and sampling. Hands out write_folder.
"""
