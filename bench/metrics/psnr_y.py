"""PSNR over BT.601 luma (16..235) with a border of `scale` pixels cropped: EDSR's convention."""

from bench.images.pixels import crop_border, luma
from bench.metrics.protocol import ImageBatch, Metric, Values
from bench.metrics.psnr import psnr


def per_image(batch: ImageBatch) -> Values:
    """Luma PSNR of each picture of the batch, in dB."""
    sr = crop_border(luma(batch.sr_unit), batch.scale)
    return psnr(sr, crop_border(luma(batch.hr_unit), batch.scale))


METRIC = Metric(
    title="PSNR-Y",
    latex="PSNR-Y",
    unit="dB",
    direction="higher",
    decimals=2,
    version=1,
    source="BT.601 luma 16-235, border = scale (Lim et al. 2017)",
    per_image=per_image,
)
