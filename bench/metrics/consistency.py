"""Consistency (paper, Table 2): MSE on [0, 1] of LR against the downsampled output, x1e-5."""

from collections.abc import Callable

import numpy as np
from torch import Tensor

from bench.metrics.protocol import ImageBatch, Metric, Values
from sr3.pictures.resize import downsample

Down = Callable[[Tensor, int], Tensor]
KERNEL_MISMATCH = 0.5e-5  # a ground truth above this floor was not made by this downsampler


def consistency(sr: Tensor, lr: Tensor, scale: int, down: Down = downsample) -> Values:
    """MSE between `lr` and `sr` after the operator that made LR, clipped to [0, 1], not rounded.

    LR itself was clipped when it was stored, so the overshoot of the kernel is no error.

    Args:
        sr: (B, 3, H, W) float64 in [0, 1]; lr: (B, 3, H / scale, W / scale), 8-bit levels / 255.

    Returns:
        (B,) float64.
    """
    error = down(sr, scale).clamp(0, 1) - lr
    values: Values = error.square().mean(dim=(1, 2, 3)).cpu().numpy().astype(np.float64)
    return values


def per_image(batch: ImageBatch) -> Values:
    """Consistency of each picture of the batch with its LR."""
    return consistency(batch.sr_unit, batch.lr_unit, batch.scale, batch.down or downsample)


METRIC = Metric(
    title="Consistency",
    latex="Consistency",
    unit="MSE",
    direction="lower",
    decimals=2,
    version=2,
    source="SR3, Table 2: MSE of LR against the downsampled, clipped output",
    per_image=per_image,
    shown_times=1e5,
    against_lr=True,
)
