"""SR3, Image Super-Resolution via Iterative Refinement (Saharia et al.): trainer and sampler.

At the top lie the commands; every other file lies in a room.
"""
