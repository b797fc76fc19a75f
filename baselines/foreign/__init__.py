"""Other people's systems: folders of their outputs, public checkpoints, what to cite for them.

Imports the protocol and `sr3`. Hands out open_import and load_public.
"""
