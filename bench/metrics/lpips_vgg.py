"""LPIPS v0.1 over VGG-16: perceptual distance at native size (Zhang et al. 2018)."""

from bench.metrics.kinds import perceptual
from bench.metrics.protocol import ImageBatch, Metric, Values


def per_image(batch: ImageBatch) -> Values:
    """Distance of each picture of the batch to its HR."""
    return perceptual.of_batch(batch, "vgg")


def unavailable(device: str) -> str | None:
    """ "weights X" where a file is missing or not the right one."""
    return perceptual.unavailable("vgg")


METRIC = Metric(
    title="LPIPS (VGG)",
    latex="LPIPS (VGG)",
    unit="",
    direction="lower",
    decimals=3,
    version=1,
    source="Zhang et al. 2018, v0.1, VGG-16, input in [-1, 1], native size",
    per_image=per_image,
    weights=perceptual.FILES["vgg"],
    unavailable=unavailable,
)
