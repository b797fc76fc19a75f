"""SR3, Image Super-Resolution via Iterative Refinement (Saharia et al.): trainer and sampler."""
