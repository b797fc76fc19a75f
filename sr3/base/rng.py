"""Randomness by key: a generator seeded from (seed, what, index), never from how often it was used.

So a result does not depend on batch size, worker or process count, and a resume replays it.
"""

import hashlib

import torch


def seed_of(*key: object) -> int:
    """63-bit seed of a key such as (seed, "noise", position)."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator_of(*key: object, device: torch.device | str = "cpu") -> torch.Generator:
    """Generator seeded by `seed_of(*key)`."""
    return torch.Generator(device=device).manual_seed(seed_of(*key))
