"""The contact sheet: LR or another input, every system and HR side by side, one image per row."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.images.hr import ImageSet, Item, read_hr, read_output
from bench.images.pixels import to_batch
from bench.suites.protocol import Suite
from sr3.base.files import disk_errors
from sr3.pictures.images import write_png

ROWS = 8
GAP, HEADING = 6, 22  # pixels
TILE_MIN = 128  # smaller images are shown enlarged by a whole factor
TILE_MOST = 320  # side of a tile where the images have several sizes
INK, PAPER = (30, 30, 30), (255, 255, 255)


def write_sheet(
    path: Path, suite: Suite, images: ImageSet, systems: Mapping[str, Mapping[str, Path]]
) -> None:
    """Write the sheet of evenly spread images.

    Args:
        systems: per system, the PNG of each stem; in the order of the columns.
    """
    chosen = [images.items[i] for i in spread(len(images.items), ROWS)]
    headings = [images.lr.called, *systems, "HR"]
    rows = [_row(item, suite, images, systems) for item in chosen]
    if suite.size is None:
        rows = [[_fitted(tile) for tile in row] for row in rows]
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


def _row(
    item: Item, suite: Suite, images: ImageSet, systems: Mapping[str, Mapping[str, Path]]
) -> list[np.ndarray]:
    hr = read_hr(item)
    lr = images.lr.batch([item.lr], to_batch([hr]), suite.scale)[0].permute(1, 2, 0).numpy()
    outputs = [read_output(paths[item.stem], item) for paths in systems.values()]
    factor = -(-TILE_MIN // min(item.size))
    return [enlarge(p, factor) for p in (enlarge(lr, suite.scale), *outputs, hr)]


def _fitted(tile: np.ndarray) -> np.ndarray:
    """A picture of any size in the middle of a square: as it is, or reduced to it."""
    picture = Image.fromarray(tile)
    picture.thumbnail((TILE_MOST, TILE_MOST), Image.Resampling.BOX)
    square = Image.new("RGB", (TILE_MOST, TILE_MOST), PAPER)
    place = (TILE_MOST - picture.width) // 2, (TILE_MOST - picture.height) // 2
    square.paste(picture, place)
    return np.asarray(square)
