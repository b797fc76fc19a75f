"""Pictures outside and in memory: files of any kind and size, the one resize operator, windows.

Imports base. Hands out read_rgb and write_png, resize and downsample, pictures as users have them.
"""
