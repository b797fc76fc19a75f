"""Diversity: how far K samples of one input spread; near 0 a model has dropped its modes."""

import numpy as np
import torch
from torch import Tensor

from bench.metrics.protocol import Metric, Values


def diversity(samples: Tensor) -> Values:
    """Root of the variance over the samples, averaged over the pixels of each picture.

    Args:
        samples: (K, B, 3, H, W) uint8, K at least 2.

    Returns:
        (B,) float64 in levels of 255, unbiased in K.
    """
    spread = torch.var(samples.double(), dim=0, correction=1).mean(dim=(1, 2, 3)).sqrt()
    values: Values = spread.cpu().numpy().astype(np.float64)
    return values


METRIC = Metric(
    title="Diversity",
    latex="Diversity",
    unit="levels",
    direction="none",
    decimals=2,
    version=1,
    source="root of the mean variance over K samples of one input",
    per_samples=diversity,
    reference_row=False,
)
