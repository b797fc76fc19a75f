"""SSIM over BT.601 luma (16..235) with a border of `scale` pixels cropped."""

from bench.images.pixels import crop_border, luma
from bench.metrics.protocol import ImageBatch, Metric, Values
from bench.metrics.ssim import ssim


def per_image(batch: ImageBatch) -> Values:
    """Luma SSIM of each picture of the batch."""
    sr = crop_border(luma(batch.sr_unit), batch.scale)
    return ssim(sr, crop_border(luma(batch.hr_unit), batch.scale))


METRIC = Metric(
    title="SSIM-Y",
    latex="SSIM-Y",
    unit="",
    direction="higher",
    decimals=3,
    version=1,
    source="as ssim, BT.601 luma 16-235, border = scale",
    per_image=per_image,
)
