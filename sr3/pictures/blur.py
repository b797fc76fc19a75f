"""Gaussian blur, the augmentation of a low-resolution input."""

import torch
import torch.nn.functional as F
from torch import Tensor


def gaussian_blur(pictures: Tensor, sigma: Tensor, widest: float) -> Tensor:
    """Separable Gaussian, reflected at the border.

    Args:
        pictures: (B, C, H, W).
        sigma: (B,) standard deviations in pixels; 0 leaves a picture as it is.
        widest: the largest sigma there may be; the kernel reaches three of it.
    """
    radius = max(1, round(3 * widest))
    offset = torch.arange(-radius, radius + 1, dtype=pictures.dtype, device=pictures.device)
    kernel = torch.exp(-0.5 * (offset / sigma.clamp(min=1e-3)[:, None]) ** 2)
    kernel = kernel / kernel.sum(dim=1, keepdim=True)
    for dim in (2, 3):
        margin = (0, 0, radius, radius) if dim == 2 else (radius, radius, 0, 0)
        padded, length = F.pad(pictures, margin, mode="reflect"), pictures.shape[dim]
        taps = [
            kernel[:, k, None, None, None] * padded.narrow(dim, k, length)
            for k in range(2 * radius + 1)
        ]
        pictures = torch.stack(taps).sum(dim=0)
    return pictures
