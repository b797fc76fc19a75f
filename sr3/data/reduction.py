"""Large pictures to the side of a generator, in float and on the device of the batch."""

import torch.nn.functional as F
from torch import Tensor

from sr3.pictures.resize import downsample


def reduce(pictures: Tensor, side: int, how: str) -> Tensor:
    """(B, C, side, side) of square pictures in [-1, 1], whose side is a multiple of `side`.

    Args:
        how: "area", the mean of each square of pixels, or "bicubic", the one resize operator, cut
            to [-1, 1].
    """
    factor = pictures.shape[-1] // side
    if factor == 1:
        return pictures
    if how == "area":
        return F.avg_pool2d(pictures, factor)
    return downsample(pictures, factor).clamp(-1, 1)
