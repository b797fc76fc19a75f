"""Colour shift: how far the mean chroma of an output lies from HR's, in levels of 255."""

import numpy as np

from bench.images.pixels import ycbcr
from bench.metrics.protocol import ImageBatch, Metric, Values


def per_image(batch: ImageBatch) -> Values:
    """Distance of the mean (Cb, Cr) of each picture to HR's (full-range BT.601), in levels."""
    sr, hr = (ycbcr(unit)[:, 1:].mean(dim=(2, 3)) for unit in (batch.sr_unit, batch.hr_unit))
    values: Values = (sr - hr).norm(dim=1).mul(255).cpu().numpy().astype(np.float64)
    return values


METRIC = Metric(
    title="Colour shift",
    latex="Colour shift",
    unit="levels",
    direction="lower",
    decimals=2,
    version=1,
    source="distance of mean chroma (Cb, Cr), full-range BT.601, per image",
    per_image=per_image,
)
