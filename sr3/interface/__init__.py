"""What a Python program or a notebook uses: `sr3.load`, and pictures in whatever form it has them.

Imports base, networks, pictures and sampling. Hands out load, Upscaler.
"""
