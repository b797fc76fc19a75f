"""SSIM (Wang et al. 2004): Gaussian 11x11, sigma 1.5, population covariance, valid region, RGB.

Equal to scikit-image's `structural_similarity(gaussian_weights=True, sigma=1.5,
use_sample_covariance=False, data_range=1)` and to tf.image.ssim. A valid correlation along one axis
is a product with a banded matrix; cut into blocks of outputs, so that little of it is zeros, it is
several times faster than a sliding window.
"""

from functools import cache

import torch
from torch import Tensor

from bench.metrics.protocol import ImageBatch, Metric, Values

TAPS = 11
SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2  # for a data range of 1
BLOCK = 32  # outputs per product: wider wastes arithmetic on zeros, narrower has small products


def gaussian(device: torch.device) -> Tensor:
    """The 11 weights, summing to 1, float64."""
    offsets = torch.arange(TAPS, dtype=torch.float64, device=device) - TAPS // 2
    weights = torch.exp(-0.5 * (offsets / SIGMA) ** 2)
    return weights / weights.sum()


@cache
def bands(size: int, device: torch.device) -> tuple[tuple[slice, slice, Tensor], ...]:
    """Blocks of a valid correlation of `size` inputs: (inputs, outputs, banded matrix)."""
    weights, valid, blocks = gaussian(device), size - TAPS + 1, []
    for start in range(0, valid, BLOCK):
        width = min(BLOCK, valid - start)
        matrix = torch.zeros(width + TAPS - 1, width, dtype=torch.float64, device=device)
        for column in range(width):
            matrix[column : column + TAPS, column] = weights
        blocks.append((slice(start, start + width + TAPS - 1), slice(start, start + width), matrix))
    return tuple(blocks)


def blur(maps: Tensor) -> Tensor:
    """(N, H, W) -> (N, H - 10, W - 10), the valid correlation with the 11x11 Gaussian."""
    count, height, width = maps.shape
    rows = maps.new_empty(count * height, width - TAPS + 1)
    for inputs, outputs, matrix in bands(width, maps.device):
        torch.mm(maps.reshape(-1, width)[:, inputs], matrix, out=rows[:, outputs])
    rows = rows.view(count, height, -1)
    both = maps.new_empty(count, height - TAPS + 1, width - TAPS + 1)
    for inputs, outputs, matrix in bands(height, maps.device):
        torch.matmul(matrix.T, rows[:, inputs], out=both[:, outputs])
    return both


def ssim(sr: Tensor, hr: Tensor) -> Values:
    """Mean structural similarity per image.

    Image by image, because the maps of one fit a processor's cache and those of a batch do not.

    Args:
        sr, hr: (B, C, H, W) float64 in [0, 1], sides of at least 11 pixels.

    Returns:
        (B,) float64, at most 1.
    """
    values = torch.stack([_ssim_of_image(x, y) for x, y in zip(sr, hr, strict=True)])
    result: Values = values.cpu().numpy()
    return result


def _ssim_of_image(sr: Tensor, hr: Tensor) -> Tensor:
    maps = torch.stack([sr, hr, sr * sr + hr * hr, sr * hr])
    blurred = blur(maps.flatten(0, 1))
    mean_sr, mean_hr, squares, product = blurred.view(4, -1, *blurred.shape[1:])
    cross = mean_sr * mean_hr
    means = mean_sr.square_().add_(mean_hr.square_())  # in place: half the time is memory traffic
    numerator = product.sub_(cross).mul_(2).add_(C2).mul_(cross.mul_(2).add_(C1))
    denominator = squares.sub_(means).add_(C2).mul_(means.add_(C1))
    return numerator.div_(denominator).mean()  # type: ignore[no-any-return]


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
