"""What metrics of one kind share: classification errors, LPIPS, distances between sets.

Imports the protocol, extractors, pretrained and statistics. Hands out their functions.
"""
