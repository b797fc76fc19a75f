"""Thumbnails: means of blocks, by which pictures of any size are held side by side."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

SIDE = 16  # of a thumbnail, pixels


def thumbs_of(pictures: Sequence[NDArray[np.uint8]], side: int = SIDE) -> NDArray[np.float32]:
    """(H, W, 3) uint8 pictures -> (N, 3 side^2) float32 on [0, 1]."""
    rows = []
    for pixels in pictures:
        image = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float() / 255
        rows.append(F.adaptive_avg_pool2d(image, side).flatten().numpy())
    return np.stack(rows)
