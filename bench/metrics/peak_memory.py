"""Peak memory while sampling: allocated on a GPU, resident of the process on a CPU (Linux)."""

import numpy as np

from bench.metrics.protocol import Metric, Values
from bench.statistics.intervals import Interval


def largest(peak_bytes: Values) -> Interval:
    """The maximum over all batches."""
    return Interval(float(np.max(peak_bytes)), None, None, len(peak_bytes))


METRIC = Metric(
    title="Peak memory",
    latex="Peak memory",
    unit="MiB",
    direction="none",
    decimals=0,
    version=1,
    source="torch.cuda.max_memory_allocated, or VmHWM of the process",
    ledger="peak_bytes",
    shown_times=1 / 2**20,
    interval=largest,
    reference_row=False,
)
