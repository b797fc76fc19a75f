"""Pixels as metrics see them: uint8 batches, luma, and the LR that goes with an HR."""

import numpy as np
import torch
from torch import Tensor

from sr3.pictures.resize import DOWNSAMPLER_ID, downsample

LR_ID = f"{DOWNSAMPLER_ID}-float64-8bit"  # how LR is made; part of every cache key
BT601 = (65.481, 128.553, 24.966)  # R, G, B in [0, 1] to Y in 16..235 (ITU-R BT.601)

FULL_RANGE = (
    (0.299, 0.587, 0.114),
    (-0.168736, -0.331264, 0.5),
    (0.5, -0.418688, -0.081312),
)  # R, G, B in [0, 1] to Y, Cb, Cr (JFIF)


def to_batch(pictures: list[np.ndarray], device: str = "cpu") -> Tensor:
    """(H, W, 3) uint8 arrays -> (B, 3, H, W) uint8 on the device."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous().to(device)


def make_lr(hr: Tensor, scale: int) -> Tensor:
    """(B, 3, H, W) uint8 -> (B, 3, H / scale, W / scale) uint8, clipped, rounded half up.

    In float64, so that the 8-bit LR is the same on every device.
    """
    return (downsample(hr.double(), scale) + 0.5).floor().clamp(0, 255).to(torch.uint8)


def to_model_range(lr: Tensor) -> Tensor:
    """(B, 3, h, w) uint8 -> float32 in [-1, 1]."""
    return lr.float() / 127.5 - 1


def luma(unit: Tensor) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> (B, 1, H, W) BT.601 luma on 16..235, divided by 255."""
    weights = torch.tensor(BT601, dtype=unit.dtype, device=unit.device).view(1, 3, 1, 1)
    return ((unit * weights).sum(dim=1, keepdim=True) + 16) / 255


def ycbcr(unit: Tensor) -> Tensor:
    """(B, 3, H, W) RGB in [0, 1] -> full-range BT.601 Y in [0, 1], Cb and Cr in [-0.5, 0.5]."""
    matrix = torch.tensor(FULL_RANGE, dtype=unit.dtype, device=unit.device)
    return torch.einsum("yc,bchw->byhw", matrix, unit)


def crop_border(images: Tensor, border: int) -> Tensor:
    """Without `border` pixels on each side."""
    return images[..., border:-border, border:-border] if border else images
