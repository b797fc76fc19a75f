"""Classification error of a system's images (paper, Table 4), image by image."""

from collections.abc import Callable

import numpy as np

from bench.metrics.protocol import Features, Values
from bench.statistics.intervals import Interval, Paired, mcnemar, wilson

Labels = tuple[int | None, ...]


def errors(features: Features, labels: Labels, top: int) -> Values:
    """1.0 where the label is not among the `top` largest logits, else 0.0.

    Args:
        features: with "logits" (N, classes).
        labels: class index of each row.

    Raises:
        ValueError: a row has no label.
    """
    wanted = np.array([-1 if label is None else label for label in labels])
    if (wanted < 0).any():
        raise ValueError(f"found {(wanted < 0).sum()} images without a label")
    logits = features["logits"]
    own = logits[np.arange(len(logits)), wanted][:, None]
    return np.asarray((logits > own).sum(axis=1) >= top, dtype=np.float64)


def top(k: int) -> Callable[[Features, Labels], Values]:
    """`errors` for the k best classes, as a metric takes it."""

    def per_feature(features: Features, labels: Labels) -> Values:
        return errors(features, labels, k)

    return per_feature


def error_rate(values: Values) -> Interval:
    """Share of errors with Wilson's interval."""
    return wilson(int(values.sum()), len(values))


def compare(a: Values, b: Values) -> Paired:
    """McNemar's test of two systems on the same images."""
    return mcnemar(a > 0, b > 0)
