"""The one resize operator: bicubic with antialiasing, as the paper makes its low-resolution input.

Keys' kernel with a = -0.5, half-pixel centres, weights renormalised at the border. It agrees with
Pillow's BICUBIC, so an LR image made by either is the same up to 8-bit rounding.
"""

import torch
import torch.nn.functional as F
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
