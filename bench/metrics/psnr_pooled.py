"""PSNR of the pooled MSE: errors are averaged over the whole set before the logarithm.

The stored per-image number is the MSE on [0, 1]; only the set's value is in dB.
"""

import math

import numpy as np

from bench.metrics.protocol import ImageBatch, Metric, Values
from bench.statistics.intervals import Interval, Paired, bootstrap_mean, paired_bootstrap


def per_image(batch: ImageBatch) -> Values:
    """MSE of each picture of the batch over RGB on [0, 1]."""
    mse = (batch.sr_unit - batch.hr_unit).square().mean(dim=(1, 2, 3))
    values: Values = mse.cpu().numpy().astype(np.float64)
    return values


def decibels(mse: float) -> float:
    """-10 log10(mse); inf for 0."""
    return math.inf if mse <= 0 else -10 * math.log10(mse)


def pooled(mse: Values) -> Interval:
    """The set's value in dB; the bounds are those of the mean MSE, swapped."""
    mean = bootstrap_mean(mse)
    low = None if mean.high is None else decibels(mean.high)
    high = None if mean.low is None else decibels(mean.low)
    return Interval(decibels(mean.value), low, high, mean.n)


def pair(a: Values, b: Values) -> Paired:
    """Difference of mean MSE, sign turned so that more is better, as with the value in dB."""
    return paired_bootstrap(-a, -b)


METRIC = Metric(
    title="PSNR (pooled)",
    latex="PSNR (pooled)",
    unit="dB",
    direction="higher",
    decimals=2,
    version=1,
    source="10 log10(1 / mean MSE over the set), 8-bit RGB",
    per_image=per_image,
    interval=pooled,
    pair=pair,
)
