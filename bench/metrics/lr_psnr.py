"""LR-PSNR: the consistency in dB, as the SRFlow and NTIRE papers print it."""

from bench.metrics.protocol import ImageBatch, Metric, Values
from bench.metrics.psnr import psnr
from sr3.pictures.resize import downsample


def per_image(batch: ImageBatch) -> Values:
    """PSNR between LR and the downsampled output of each picture, in dB."""
    down = batch.down or downsample
    return psnr(down(batch.sr_unit, batch.scale).clamp(0, 1), batch.lr_unit)


METRIC = Metric(
    title="LR-PSNR",
    latex="LR-PSNR",
    unit="dB",
    direction="higher",
    decimals=2,
    version=2,
    source="Lugmayr et al. 2020: PSNR of LR against the downsampled output",
    per_image=per_image,
    against_lr=True,
)
