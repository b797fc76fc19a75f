"""Brightness shift: how far the mean luma of an output lies from HR's, in levels of 255."""

import numpy as np

from bench.images.pixels import ycbcr
from bench.metrics.protocol import ImageBatch, Metric, Values


def per_image(batch: ImageBatch) -> Values:
    """|mean Y(sr) - mean Y(hr)| of each picture (full-range BT.601), in levels of 255."""
    sr, hr = (ycbcr(unit)[:, 0].mean(dim=(1, 2)) for unit in (batch.sr_unit, batch.hr_unit))
    values: Values = (sr - hr).abs().mul(255).cpu().numpy().astype(np.float64)
    return values


METRIC = Metric(
    title="Brightness shift",
    latex="Brightness shift",
    unit="levels",
    direction="lower",
    decimals=2,
    version=1,
    source="absolute difference of mean luma, full-range BT.601, per image",
    per_image=per_image,
)
