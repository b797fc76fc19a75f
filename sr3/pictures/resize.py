"""The one resize operator: bicubic with antialiasing, as the paper makes its low-resolution input.

Keys' kernel with a = -0.5, half-pixel centres, weights renormalised at the border. It agrees with
Pillow's BICUBIC, so an LR image made by either is the same up to 8-bit rounding. Beside it the area
averaging by which large pictures are brought to the size of a set.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

DOWNSAMPLER_ID = "bicubic-antialias-a0.5-halfpixel-edgenorm"


def resize(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize to `size` by antialiased bicubic interpolation.

    Args:
        images: (B, C, H, W) floating point, any range; float16 and bfloat16 go through float32.
        size: (height, width) of the result.

    Returns:
        (B, C, *size) in the dtype of `images`. Overshoot of the kernel is kept, not clipped.
    """
    working = images if images.dtype == torch.float64 else images.float()
    out = F.interpolate(working, size=size, mode="bicubic", align_corners=False, antialias=True)
    return out.to(images.dtype)


def downsample(hr: Tensor, scale: int) -> Tensor:
    """LR of `hr` (B, C, H, W), both sides divided by the integer `scale`."""
    height, width = hr.shape[-2:]
    if height % scale or width % scale:
        raise ValueError(f"found {height}x{width}, wanted sides divisible by scale {scale}")
    return resize(hr, (height // scale, width // scale))


def upsample(lr: Tensor, scale: int) -> Tensor:
    """The condition `lr_up` (B, C, H * scale, W * scale) that the network sees beside y_t."""
    return resize(lr, (lr.shape[-2] * scale, lr.shape[-1] * scale))


def area_weights(size_in: int, size_out: int) -> NDArray[np.float64]:
    """(size_out, size_in) float64 rows that average the covered input, pixels cut by fractions."""
    edges = np.linspace(0, size_in, size_out + 1)
    left, right = edges[:-1, None], edges[1:, None]
    pixel = np.arange(size_in)[None]
    overlap = np.minimum(right, pixel + 1) - np.maximum(left, pixel)
    weights: NDArray[np.float64] = np.clip(overlap, 0, None) * (size_out / size_in)
    return weights


def area_resize(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 -> (*size, 3) uint8 by exact area averaging, rounded half up.

    Pillow's BOX is not that: it takes whole pixels, and at 256 to 224 is 4 levels off on average.
    """
    rows = area_weights(pixels.shape[0], size[0])
    columns = area_weights(pixels.shape[1], size[1])
    mean = np.einsum("yh,hwc,xw->yxc", rows, pixels.astype(np.float64), columns, optimize=True)
    rounded: NDArray[np.uint8] = np.floor(np.clip(mean, 0, 255) + 0.5).astype(np.uint8)
    return rounded
