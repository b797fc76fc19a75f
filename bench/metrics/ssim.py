"""SSIM (Wang et al. 2004): Gaussian 11x11, sigma 1.5, population covariance, valid region, RGB.

Equal to scikit-image's `structural_similarity(gaussian_weights=True, sigma=1.5,
use_sample_covariance=False, data_range=1)` and to tf.image.ssim. A valid correlation along one axis
is a product with a banded matrix; cut into blocks of outputs, so that little of it is zeros, and
done for all maps of a batch at once, it is several times faster than a sliding window.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from bench.metric import ImageBatch, Metric, Values

TAPS = 11
SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2  # for a data range of 1
BLOCK = 32  # outputs per product: wider wastes arithmetic on zeros, narrower has small products


def gaussian(device: torch.device) -> Tensor:
    """The 11 weights, summing to 1, float64."""
    offsets = torch.arange(TAPS, dtype=torch.float64, device=device) - TAPS // 2
    weights = torch.exp(-0.5 * (offsets / SIGMA) ** 2)
    return weights / weights.sum()


def bands(size: int, device: torch.device) -> Iterator[tuple[slice, slice, Tensor]]:
    """Blocks of a valid correlation of `size` inputs: (inputs, outputs, banded matrix)."""
    weights, valid = gaussian(device), size - TAPS + 1
    for start in range(0, valid, BLOCK):
        width = min(BLOCK, valid - start)
        matrix = torch.zeros(width + TAPS - 1, width, dtype=torch.float64, device=device)
        for column in range(width):
            matrix[column : column + TAPS, column] = weights
        yield slice(start, start + width + TAPS - 1), slice(start, start + width), matrix


def blur(maps: Tensor) -> Tensor:
    """(N, H, W) -> (N, H - 10, W - 10), the valid correlation with the 11x11 Gaussian."""
    count, height, width = maps.shape
    rows = maps.new_empty(count * height, width - TAPS + 1)
    for inputs, outputs, matrix in bands(width, maps.device):
        rows[:, outputs] = maps.view(-1, width)[:, inputs] @ matrix
    rows = rows.view(count, height, -1)
    both = maps.new_empty(count, height - TAPS + 1, width - TAPS + 1)
    for inputs, outputs, matrix in bands(height, maps.device):
        both[:, outputs] = matrix.T @ rows[:, inputs]
    return both


def ssim(sr: Tensor, hr: Tensor) -> Values:
    """Mean structural similarity per image.

    Args:
        sr, hr: (B, C, H, W) float64 in [0, 1], sides of at least 11 pixels.

    Returns:
        (B,) float64, at most 1.
    """
    maps = torch.stack([sr, hr, sr * sr + hr * hr, sr * hr])
    blurred = blur(maps.flatten(0, 2))
    mean_sr, mean_hr, squares, product = blurred.view(*maps.shape[:3], *blurred.shape[1:])
    means, cross = mean_sr * mean_sr + mean_hr * mean_hr, mean_sr * mean_hr
    structure = (2 * (product - cross) + C2) / (squares - means + C2)
    luminance = (2 * cross + C1) / (means + C1)
    values: Values = (luminance * structure).mean(dim=(1, 2, 3)).cpu().numpy()
    return values


def per_image(batch: ImageBatch) -> Values:
    """SSIM of each picture of the batch."""
    return ssim(batch.sr_unit, batch.hr_unit)


METRIC = Metric(
    title="SSIM",
    latex="SSIM",
    unit="",
    direction="higher",
    decimals=3,
    version=1,
    source="Wang et al. 2004, Gaussian 11x11, sigma 1.5, valid region, mean over RGB",
    per_image=per_image,
)
