"""Pictures on disk and tensors in memory: 8-bit RGB PNG outside, float32 in [-1, 1] inside."""

import io
import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from sr3.base.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
MAX_PIXELS = 64_000_000  # above it a file is refused before it is decoded


def list_images(folder: Path) -> list[Path]:
    """Picture files directly in `folder`, by name; InputError when it is missing or empty."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(
            f"found no readable folder at {folder} ({error.strerror}): give a folder of pictures"
        ) from error
    found = [p for p in entries if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]
    if not found:
        raise InputError(
            f"found 0 images in {folder}, wanted files ending in {', '.join(SUFFIXES)}"
        )
    return found


def open_image(path: Path, data: bytes | None = None) -> Image.Image:
    """Open and fully decode one picture; InputError names the file and what is wrong with it.

    Given `data`, its bytes are decoded and `path` only names them.
    """
    try:
        image = Image.open(io.BytesIO(path.read_bytes() if data is None else data))
        if image.width * image.height > MAX_PIXELS:
            raise InputError(
                f"found {image.width}x{image.height} in {path}, wanted at most {MAX_PIXELS} pixels"
            )
        image.load()
    except UnidentifiedImageError as error:
        raise InputError(f"found no picture in {path}: replace or remove the file") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(
            f"found a damaged picture in {path} ({error}): replace the file"
        ) from error
    return image


def read_rgb(path: Path, data: bytes | None = None) -> np.ndarray:
    """Decode an 8-bit RGB picture as (H, W, 3) uint8, turned upright by its EXIF orientation.

    Raises:
        InputError: alpha, palette, gray or 16-bit pictures, which would need a silent conversion.
    """
    image = ImageOps.exif_transpose(open_image(path, data))
    if image.mode != "RGB":
        raise InputError(
            f"found mode {image.mode} in {path}, wanted 8-bit RGB: convert it first, "
            "for example with `python -m bench.data prepare`"
        )
    return np.asarray(image)


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write (H, W, 3) or (H, W) uint8 as PNG, aside and then renamed, so no half file remains."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        Image.fromarray(pixels).save(aside, format="PNG")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def from_uint8(pixels: np.ndarray) -> Tensor:
    """(B, H, W, 3) uint8 -> (B, 3, H, W) float32 in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_uint8(images: Tensor) -> np.ndarray:
    """(B, 3, H, W) in [-1, 1] -> (B, H, W, 3) uint8, clipped and rounded half up."""
    scaled = (images.float().clamp(-1, 1) + 1) * 127.5
    return (scaled + 0.5).floor().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()


def base_of(condition: Tensor) -> Tensor:
    """The picture (B, 3, H, W) in a condition or a degraded picture; a residual is taken from it.

    One channel is gray; further channels than three say something else, such as where the picture
    is known.
    """
    channels = condition.shape[1]
    if channels == 1:
        return condition.expand(-1, 3, -1, -1)
    return condition if channels == 3 else condition[:, :3]
