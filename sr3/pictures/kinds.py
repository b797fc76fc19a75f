"""Pictures as users have them: gray, palette, alpha, 16-bit, turned by EXIF, of any size.

What the model sees is RGB at full precision; what leaves has the input's kind again: gray stays
gray, and alpha, which no model here was trained on, is upsampled apart.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from sr3.base.errors import InputError
from sr3.pictures import images
from sr3.pictures.resize import upsample

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601; sums to 1, so a consistent picture stays consistent
DIRECT = ("L", "LA", "RGB", "RGBA")
SIXTEEN = ("I;16", "I;16B", "I;16L", "I")
OTHER_BYTE_ORDER = {  # of Pillow's raw modes; N, native, is little-endian where this runs
    f"{mode};16{here}": f"{mode};16{other}"
    for mode in ("RGB", "RGBA")
    for here, other in ("BL", "LB", "NB")
}


@dataclass(frozen=True)
class Picture:
    """One input.

    Attributes:
        rgb: (3, h, w) float32 in [-1, 1]; the three channels are equal when `gray`.
        alpha: (1, h, w) float32 in [-1, 1], or None.
        gray: whether the file had no colour.
    """

    rgb: Tensor
    alpha: Tensor | None
    gray: bool


def read_picture(path: Path) -> Picture:
    """Decode a picture of any usual kind, upright.

    Raises:
        InputError: no picture, a damaged one, or one of unknown range (32-bit float).
    """
    image = images.open_image(path)
    low = None if image.mode in ("F", *SIXTEEN) else _low_bytes(path)
    return from_image(image, str(path), low)


def from_image(
    image: Image.Image, name: str = "the picture", low: np.ndarray | None = None
) -> Picture:
    """A decoded picture, turned upright.

    Args:
        name: for messages.
        low: low bytes of 16-bit colour, which Pillow's image lacks.

    Raises:
        InputError: 32-bit float pixels, whose range is unknown.
    """
    if image.mode == "F":
        raise InputError(
            f"found 32-bit float pixels in {name}, whose range is unknown: save it as 8- or 16-bit"
        )
    return from_values(_sixteen_bit(name, image) if image.mode in SIXTEEN else _values(image, low))


def from_values(values: np.ndarray) -> Picture:
    """A picture of (h, w, 1 to 4) float32 in [0, 1]: gray, gray and alpha, RGB or RGBA."""
    channels = torch.from_numpy(np.ascontiguousarray(values)).permute(2, 0, 1) * 2 - 1
    has_alpha = len(channels) in (2, 4)
    colour = channels[:-1] if has_alpha else channels
    alpha = channels[-1:].contiguous() if has_alpha else None
    gray = len(colour) == 1
    return Picture((colour.expand(3, -1, -1) if gray else colour).contiguous(), alpha, gray)


def upright_size(path: Path) -> tuple[int, int]:
    """(height, width) after the EXIF turn, from the header alone."""
    try:
        with Image.open(path) as image:
            turned = image.getexif().get(0x0112, 1) >= 5
            width, height = image.size
    except (OSError, SyntaxError, ValueError):
        images.open_image(path)  # raises with the reason
        raise
    return (width, height) if turned else (height, width)


def content_key(picture: Picture) -> str:
    """SHA-256 of the colours at 16 bits: the same picture has it in whatever file or array."""
    levels = ((picture.rgb.double() + 1) * 32767.5).round().clamp(0, 65535).to(torch.int32)
    text = f"{tuple(levels.shape)}".encode()
    return hashlib.sha256(text + levels.cpu().numpy().astype("<u2").tobytes()).hexdigest()


def _sixteen_bit(name: str, image: Image.Image) -> np.ndarray:
    pixels = np.asarray(ImageOps.exif_transpose(image)).astype(np.int64)
    if pixels.min() < 0 or pixels.max() > 65535:
        raise InputError(f"found values outside 0..65535 in {name}: save it as 8- or 16-bit")
    return (pixels[..., None] / 65535).astype(np.float32)


def _values(image: Image.Image, low: np.ndarray | None) -> np.ndarray:
    """(h, w, 1 to 4) float32 in [0, 1]."""
    upright = ImageOps.exif_transpose(image)
    if low is not None:
        high = np.asarray(upright).astype(np.uint16)
        return np.asarray((high * np.uint16(256) + low) / 65535, dtype=np.float32)
    pixels = np.asarray(_to_direct(upright))
    return (pixels.reshape(*pixels.shape[:2], -1) / 255).astype(np.float32)


def _to_direct(image: Image.Image) -> Image.Image:
    if "transparency" in image.info:
        return image.convert("LA" if image.mode in ("1", "L") else "RGBA")
    if image.mode in DIRECT:
        return image
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGBA" if image.mode in ("PA", "La", "RGBa") else "RGB")


def _low_bytes(path: Path) -> np.ndarray | None:
    """Low bytes of a 16-bit RGB or RGBA file, None for others.

    Pillow has no 16-bit colour mode and keeps the high byte of each value. Told that the file's
    byte order is the other one, it keeps the low byte.
    """
    with Image.open(path) as image:
        swapped = [tile._replace(args=_other_byte_order(tile.args)) for tile in image.tile]
        if image.mode not in ("RGB", "RGBA") or swapped == image.tile:
            return None
        image.tile = swapped
        return np.asarray(ImageOps.exif_transpose(image)).astype(np.uint16)


def _other_byte_order(args: tuple[Any, ...] | str | None) -> tuple[Any, ...] | str | None:
    if isinstance(args, tuple):
        return tuple(_other_byte_order(a) for a in args)
    return OTHER_BYTE_ORDER.get(args, args) if isinstance(args, str) else args


def composed(picture: Picture, sr: Tensor) -> Tensor:
    """A result in the input's kind.

    Args:
        sr: (3, H, W) in [-1, 1], H and W integer multiples of the input's.

    Returns:
        (1 to 4, H, W) in [-1, 1]: luma alone for gray, and alpha last.
    """
    parts = [sr.float()]
    if picture.gray:
        luma = torch.einsum("chw,c->hw", sr.float(), torch.tensor(LUMA).to(sr.device))
        parts = [luma[None]]
    if picture.alpha is not None:
        scale = sr.shape[-1] // picture.alpha.shape[-1]
        parts.append(upsample(picture.alpha[None], scale)[0].to(sr.device))
    return torch.cat(parts)


def finish(picture: Picture, sr: Tensor) -> np.ndarray:
    """8-bit pixels of `composed`: uint8, (H, W) for gray, else (H, W, channels), alpha last."""
    pixels = images.to_uint8(composed(picture, sr)[None])[0]
    return np.asarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
