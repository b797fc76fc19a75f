"""Pictures of a set from disk, as (H, W, 3) uint8 of exactly the size that is wanted."""

from pathlib import Path

import numpy as np
from PIL import ImageOps

from sr3.base.errors import InputError
from sr3.pictures.images import open_image, read_rgb

GRAY_MODES = ("L", "1")


def read_checked(
    path: Path, size: tuple[int, int], wanted_by: str, gray: bool = False
) -> np.ndarray:
    """Decode an 8-bit RGB picture of exactly `size`, as (H, W, 3) uint8.

    Args:
        gray: take a gray file too, as three equal channels.

    Raises:
        InputError: another size or mode, or a damaged file.
    """
    pixels = decode(path) if gray else read_rgb(path)
    height, width = pixels.shape[:2]
    if (height, width) != size:
        raise InputError(
            f"found {width}x{height} pixels in {path}, {wanted_by} wants {size[1]}x{size[0]}: "
            "never resized silently, see `python -m bench.data prepare`"
        )
    return pixels


def decode(path: Path) -> np.ndarray:
    """Decode an 8-bit RGB or gray picture, the latter as three equal channels."""
    image = ImageOps.exif_transpose(open_image(path))
    return np.asarray(image.convert("RGB")) if image.mode in GRAY_MODES else read_rgb(path)


def is_gray(path: Path) -> bool:
    """Whether a file has no colour channels."""
    return open_image(path).mode in GRAY_MODES


def cropped(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The upper left part: test sets are cut at the right and below, as their papers do."""
    return pixels[: size[0], : size[1]]
