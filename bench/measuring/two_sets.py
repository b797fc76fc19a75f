"""Generated and real pictures as two sets: what can be measured, and how draws are seeded."""

from collections.abc import Sequence

from bench.metrics.protocol import Metric
from sr3.base.files import sha256_of_json

PAIRS_ONLY = "compares pictures of the same image, which generated ones are not"
NO_PICTURES = "needs real pictures, not their statistics: give --data"


def lacking(metric: Metric, real: int) -> str | None:
    """Why a metric says nothing about generated pictures beside `real` real ones, or None."""
    if metric.per_reference is not None and not real:
        return None
    if metric.per_reference is None and metric.unpaired is None:
        return PAIRS_ONLY
    if not real:
        return None if metric.reference_row else NO_PICTURES
    return f"needs at least {metric.least_n} real pictures" if real < metric.least_n else None


def seed_of(seed: int, names: Sequence[str]) -> int:
    """Of the choice of a set's pictures: the same for sets of the same names.

    Chains that start from the same pictures keep their names, so their draws are pairs; other sets
    are drawn apart from one another.
    """
    return int(sha256_of_json([seed, list(names)])[:8], 16)
