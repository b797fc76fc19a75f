"""Sampling time per image on the machine of the record, noted while the images were made."""

import numpy as np

from bench.metrics.protocol import Metric, Values
from bench.statistics.intervals import Interval


def mean_without_interval(seconds: Values) -> Interval:
    """The mean; images of a batch share one measurement, so resampling them would mean nothing."""
    return Interval(float(np.mean(seconds)), None, None, len(seconds))


METRIC = Metric(
    title="Time",
    latex="Time",
    unit="s/image",
    direction="none",
    decimals=3,
    version=1,
    source="wall clock of upscale() divided by the batch",
    ledger="seconds",
    interval=mean_without_interval,
    reference_row=False,
)
