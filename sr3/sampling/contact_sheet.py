"""Many small pictures on one sheet, a block of rows for each class under its name."""

from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from sr3.pictures import images

COLUMNS = 8
CAPTION = 14  # pixels of a caption line
SMALLEST = 64  # pixels of a picture's side on the sheet; smaller ones are enlarged


def draw(blocks: Mapping[str, Tensor]) -> np.ndarray:
    """The sheet (H', W', 3) uint8 of pictures (N, 3, H, W) by name; "" has no caption.

    Pictures under 64 pixels are enlarged by a whole factor, each pixel a square.
    """
    return np.concatenate([_block(name, pictures) for name, pictures in blocks.items()])


def _block(name: str, pictures: Tensor) -> np.ndarray:
    factor = max(1, -(-SMALLEST // pictures.shape[-1]))
    large = images.to_uint8(pictures).repeat(factor, axis=1).repeat(factor, axis=2)
    blank = np.full_like(large[:1], 255)
    rows = []
    for start in range(0, len(large), COLUMNS):
        row = large[start : start + COLUMNS]
        missing = COLUMNS - len(row)
        rows.append(np.concatenate([*row, *[blank[0]] * missing], axis=1))
    sheet = np.concatenate(rows)
    return np.concatenate([_caption(name, sheet.shape[1]), sheet]) if name else sheet


def _caption(name: str, width: int) -> np.ndarray:
    line = Image.new("RGB", (width, CAPTION), "white")
    ImageDraw.Draw(line).text((2, 1), name, fill="black")
    return np.asarray(line)
