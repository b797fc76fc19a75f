"""Whether a secret looks like the output of a random generator."""

import re

_USUAL = re.compile(r"change.?me|secret|password|example|twoafc|qwert|12345|abcdef", re.IGNORECASE)


def weakness(secret: str) -> str:
    """What makes a secret easy to guess, or empty. Never holds a part of the secret."""
    if len(secret) < 32:
        return "shorter than 32 characters"
    if len(set(secret)) < 12:
        return "few different characters"
    if _USUAL.search(secret):
        return "holds a usual word or sequence"
    half = secret[: len(secret) // 2]
    return "repeats itself" if half and secret.count(half[:8]) > 1 else ""
