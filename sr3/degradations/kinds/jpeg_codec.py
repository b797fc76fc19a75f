"""What JPEG does to a picture, without its file: in tensors, on any device.

Baseline JPEG as libjpeg makes and shows it: JFIF colours, chroma averaged over 2x2 pixels, 8x8 DCT,
Annex K tables scaled by quality, chroma enlarged by the triangle filter. Entropy coding loses
nothing and is left out.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 8
LUMA_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56), (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
CHROMA_TABLE = (
    (17, 18, 24, 47, 99, 99, 99, 99), (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99), (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)  # fmt: skip
TO_YCC = (
    (0.299, 0.587, 0.114),
    (-0.168735892, -0.331264108, 0.5),
    (0.5, -0.418687589, -0.081312411),
)
TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136286, -0.714136286), (1.0, 1.772, 0.0))


def compressed(pictures: Tensor, qualities: Sequence[int]) -> Tensor:
    """(B, 3, H, W) in [-1, 1] as they come back from JPEG files of these qualities, 1 to 100."""
    height, width = pictures.shape[-2:]
    levels = ((pictures.clamp(-1, 1) + 1) * 127.5 + 0.5).floor()  # a file is made of 8-bit values
    right, below = -width % (2 * BLOCK), -height % (2 * BLOCK)
    whole = F.pad(levels, (0, right, 0, below), mode="replicate")
    ycc = torch.einsum("yc,bchw->byhw", whole.new_tensor(TO_YCC), whole)
    tables = [scaled_tables(quality) for quality in qualities]
    luma = _quantised(ycc[:, :1] - 128, torch.stack([t[0] for t in tables]))
    chroma = _quantised(F.avg_pool2d(ycc[:, 1:], 2), torch.stack([t[1] for t in tables]))
    enlarged = F.interpolate(chroma, scale_factor=2, mode="bilinear", align_corners=False)
    both = torch.cat([luma + 128, enlarged], dim=1)
    rgb = torch.einsum("cy,byhw->bchw", both.new_tensor(TO_RGB), both)
    shown = (rgb + 0.5).floor().clamp(0, 255)[..., :height, :width]
    return shown / 127.5 - 1


@lru_cache(maxsize=100)
def scaled_tables(quality: int) -> tuple[Tensor, Tensor]:
    """Quantisation of luma and chroma, (8, 8) float64, by libjpeg's rule."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    luma, chroma = (
        ((torch.tensor(table, dtype=torch.int64) * percent + 50) // 100).clamp(1, 255).double()
        for table in (LUMA_TABLE, CHROMA_TABLE)
    )
    return luma, chroma


@lru_cache(maxsize=1)
def dct_matrix() -> Tensor:
    """(8, 8) float64, orthonormal DCT-II."""
    k = torch.arange(BLOCK, dtype=torch.float64)
    matrix = torch.cos(math.pi / BLOCK * (k[None] + 0.5) * k[:, None]) * math.sqrt(2 / BLOCK)
    matrix[0] /= math.sqrt(2)
    return matrix


def _quantised(planes: Tensor, tables: Tensor) -> Tensor:
    """Planes (B, C, H, W) after the DCT of their blocks was rounded to multiples of (B, 8, 8)."""
    count, channels, height, width = planes.shape
    blocks = planes.reshape(count, channels, height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    blocks = blocks.transpose(3, 4)
    matrix, step = dct_matrix().to(planes), tables.to(planes)[:, None, None, None]
    rounded = (matrix @ blocks @ matrix.mT / step).round() * step
    return (matrix.mT @ rounded @ matrix).transpose(3, 4).reshape(planes.shape)
