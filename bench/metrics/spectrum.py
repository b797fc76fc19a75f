"""Radial power against HR: skin without pores is missing power at high frequencies.

The curve is `radial_power`; the one number is the log-spectral distance to HR over the frequencies
above LR's Nyquist limit, which is what a system has to invent.
"""

import math

import numpy as np
import torch
from torch import Tensor

from bench.images.pixels import ycbcr
from bench.metrics.protocol import ImageBatch, Metric, Values

FLOOR = 1e-12  # power below it is rounding; keeps the logarithm of flat pictures finite


def radial_power(unit: Tensor) -> Tensor:
    """Mean power of luma per whole radius in cycles per image, 1 to half the shorter side.

    A separable Hann window keeps the picture's edges from leaking into high frequencies.

    Args:
        unit: (B, 3, H, W) float64 in [0, 1].

    Returns:
        (B, min(H, W) // 2) power in dB; index r - 1 holds radius r.
    """
    luma = ycbcr(unit)[:, 0]
    height, width = luma.shape[-2:]
    luma = luma - luma.mean(dim=(1, 2), keepdim=True)
    power = torch.fft.fft2(luma * _hann(height, luma) * _hann(width, luma).T).abs().square()
    radius = _radius(height, width).to(luma.device)
    bins = min(height, width) // 2 + 1
    inside = radius < bins
    sums = torch.zeros(len(luma), bins, dtype=torch.float64, device=luma.device)
    sums.index_add_(1, radius[inside], power[:, inside])
    counts = torch.bincount(radius[inside], minlength=bins)
    return 10 * torch.log10((sums / counts)[:, 1:] / (height * width) + FLOOR)


def per_image(batch: ImageBatch) -> Values:
    """Root mean square difference of radial power above LR's Nyquist limit, in dB."""
    difference = radial_power(batch.sr_unit) - radial_power(batch.hr_unit)
    nyquist = min(batch.lr.shape[-2:]) // 2
    values: Values = difference[:, nyquist:].square().mean(dim=1).sqrt().cpu().numpy()
    return values.astype(np.float64)


def _hann(size: int, like: Tensor) -> Tensor:
    """(size, 1) window."""
    phase = torch.arange(size, dtype=like.dtype, device=like.device) * (2 * math.pi / size)
    return (0.5 - 0.5 * torch.cos(phase))[:, None]


def _radius(height: int, width: int) -> Tensor:
    """(H, W) whole radius in cycles per shorter side of each frequency."""
    side = min(height, width)
    rows = torch.fft.fftfreq(height, 1 / side, dtype=torch.float64)
    columns = torch.fft.fftfreq(width, 1 / side, dtype=torch.float64)
    return torch.hypot(rows[:, None], columns[None]).round().long()


METRIC = Metric(
    title="Spectrum",
    latex="Spectrum",
    unit="dB",
    direction="lower",
    decimals=2,
    version=1,
    source="RMS difference of radial luma power above LR's Nyquist limit, Hann window",
    per_image=per_image,
)
