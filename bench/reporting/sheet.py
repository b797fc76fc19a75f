"""The contact sheet: LR, every system and HR side by side, one image per row."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.images.hr import Item, read_checked
from bench.images.pixels import make_lr, to_batch
from bench.suites.protocol import Suite
from sr3.base.files import disk_errors
from sr3.pictures.images import write_png

ROWS = 8
GAP, HEADING = 6, 22  # pixels
TILE_MIN = 128  # smaller images are shown enlarged by a whole factor
INK, PAPER = (30, 30, 30), (255, 255, 255)


def write_sheet(
    path: Path, suite: Suite, items: Sequence[Item], systems: Mapping[str, Mapping[str, Path]]
) -> None:
    """Write the sheet of evenly spread images.

    Args:
        systems: per system, the PNG of each stem; in the order of the columns.
    """
    chosen = [items[i] for i in spread(len(items), ROWS)]
    headings = ["LR", *systems, "HR"]
    rows = [_row(item, suite, systems) for item in chosen]
    height, width = rows[0][0].shape[:2]
    sheet = Image.new(
        "RGB",
        (GAP + len(headings) * (width + GAP), HEADING + len(rows) * (height + GAP)),
        PAPER,
    )
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for column, heading in enumerate(headings):
        left = GAP + column * (width + GAP)
        draw.text((left + width / 2, HEADING / 2), heading, INK, font, anchor="mm")
        for number, row in enumerate(rows):
            sheet.paste(Image.fromarray(row[column]), (left, HEADING + number * (height + GAP)))
    with disk_errors(path):
        write_png(path, np.asarray(sheet))


def spread(total: int, count: int) -> list[int]:
    """At most `count` indices, evenly spread over `total`."""
    if total <= count:
        return list(range(total))
    return [round(i * (total - 1) / (count - 1)) for i in range(count)]


def enlarge(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Whole-number enlargement by pixel repetition."""
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def _row(item: Item, suite: Suite, systems: Mapping[str, Mapping[str, Path]]) -> list[np.ndarray]:
    hr = read_checked(item.path, suite.size, "the suite")
    lr = make_lr(to_batch([hr]), suite.scale)[0].permute(1, 2, 0).numpy()
    outputs = [
        read_checked(paths[item.stem], suite.size, "the suite") for paths in systems.values()
    ]
    factor = -(-TILE_MIN // min(suite.size))
    return [enlarge(p, factor) for p in (enlarge(lr, suite.scale), *outputs, hr)]
