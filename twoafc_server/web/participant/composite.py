"""One picture per trial: left, the systems' input if the task shows it, right.

Every composite goes through the same decoding and encoding, carries no metadata, and has a length
that depends on its size alone: the image data are stored, not compressed, because the length of
compressed data tells smooth pictures from rough ones.
"""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from twoafc_server.design.study_file import Display

Pixels = npt.NDArray[np.uint8]

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bicubic": Image.Resampling.BICUBIC,
}
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


@dataclass(frozen=True)
class Geometry:
    """Sizes in image pixels. panels: (x, y, width, height) of each picture, left to right."""

    width: int
    height: int
    panels: tuple[tuple[int, int, int, int], ...]


def geometry(size: tuple[int, int], display: Display, with_lr: bool) -> Geometry:
    """The layout for pictures of `size` (width, height)."""
    width, height = size
    count = 3 if with_lr else 2
    step = width + display.gap
    panels = tuple((n * step, 0, width, height) for n in range(count))
    return Geometry(count * width + (count - 1) * display.gap, height, panels)


def decode(png: bytes) -> Pixels:
    """The pixels of a picture, (height, width, 3)."""
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def enlarge(lr: Pixels, size: tuple[int, int], display: Display) -> Pixels:
    """The input, which may be smaller, at the size (width, height) of the others."""
    resampling = _RESAMPLING[display.lr_upsampling]
    return np.asarray(Image.fromarray(lr).resize(size, resampling))


def render(left: Pixels, right: Pixels, lr: Pixels | None, display: Display) -> bytes:
    """PNG of the composite. left, right, lr: (height, width, 3), all of one size."""
    height, width, _ = left.shape
    layout = geometry((width, height), display, lr is not None)
    # A PNG row is a filter byte, 0 for none, and its pixels.
    rows = np.full((height, 1 + 3 * layout.width), display.background, np.uint8)
    rows[:, 0] = 0
    for part, (x, _, _, _) in zip(
        [left, right] if lr is None else [left, lr, right], layout.panels, strict=True
    ):
        rows[:, 1 + 3 * x : 1 + 3 * (x + width)] = part.reshape(height, 3 * width)
    header = struct.pack(">IIBBBBB", layout.width, height, 8, 2, 0, 0, 0)
    return b"".join(
        (_SIGNATURE, *_chunk(b"IHDR", header), *_chunk(b"IDAT", zlib.compress(rows.data, 0)), _END)
    )


def _chunk(kind: bytes, data: bytes) -> tuple[bytes, ...]:
    """PNG specification, 5.3: length, type, data, CRC-32 of type and data."""
    return (
        struct.pack(">I", len(data)),
        kind,
        data,
        struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))),
    )
