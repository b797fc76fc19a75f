"""PSNR over RGB without border crop, in dB; the set's value is the mean of per-image values."""

import numpy as np
import torch
from torch import Tensor

from bench.metrics.protocol import ImageBatch, Metric, Values


def psnr(sr: Tensor, hr: Tensor) -> Values:
    """Peak signal-to-noise ratio per image.

    Args:
        sr, hr: (B, C, H, W) float64 in [0, 1].

    Returns:
        (B,) float64 in dB; inf where the images are identical.
    """
    mse = torch.linalg.vector_norm((sr - hr).flatten(1), dim=1).square() / sr[0].numel()
    values: Values = (-10 * torch.log10(mse)).cpu().numpy().astype(np.float64)
    return values


def per_image(batch: ImageBatch) -> Values:
    """PSNR of each picture of the batch."""
    return psnr(batch.sr_unit, batch.hr_unit)


METRIC = Metric(
    title="PSNR",
    latex="PSNR",
    unit="dB",
    direction="higher",
    decimals=2,
    version=1,
    source="10 log10(1 / MSE), 8-bit RGB, no border crop",
    per_image=per_image,
)
