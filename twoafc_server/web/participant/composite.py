"""One picture per trial: left, the low-resolution input if the task shows it, right.

Every composite goes through the same decoding and encoding, carries no metadata, and has a length
that depends on its size alone: the image data are stored, not compressed, because the length of
compressed data tells smooth pictures from rough ones.
"""

import io
from dataclasses import dataclass

from PIL import Image

from twoafc_server.design.study_file import Display

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bicubic": Image.Resampling.BICUBIC,
}


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


def render(left: bytes, right: bytes, lr: bytes | None, display: Display) -> bytes:
    """PNG of the composite. left, right, lr: PNG bytes; lr is enlarged to the others' size."""
    first, second = _decoded(left), _decoded(right)
    parts = [first, second]
    if lr is not None:
        enlarged = _decoded(lr).resize(first.size, _RESAMPLING[display.lr_upsampling])
        parts.insert(1, enlarged)
    layout = geometry(first.size, display, lr is not None)
    canvas = Image.new("RGB", (layout.width, layout.height), (display.background,) * 3)
    for part, (x, y, _, _) in zip(parts, layout.panels, strict=True):
        canvas.paste(part, (x, y))
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def _decoded(png: bytes) -> Image.Image:
    with Image.open(io.BytesIO(png)) as image:
        return image.convert("RGB")
