"""Generated pictures to look at: a band of each system, real ones last."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.images.reading import decode
from bench.reporting.sheet import GAP, HEADING, INK, PAPER, TILE_MIN, enlarge, spread
from sr3.base.files import disk_errors
from sr3.pictures.images import write_png

COLUMNS, ROWS = 12, 2  # pictures of a band


def write_gallery(path: Path, systems: Mapping[str, Sequence[Path]]) -> None:
    """Write a sheet with evenly spread pictures of each system, in the order given."""
    bands = {name: _band(paths) for name, paths in systems.items()}
    width = GAP + max(band.shape[1] for band in bands.values()) + GAP
    height = GAP + sum(HEADING + band.shape[0] + GAP for band in bands.values())
    sheet = Image.new("RGB", (width, height), PAPER)
    draw, font, top = ImageDraw.Draw(sheet), ImageFont.load_default(13), GAP
    for name, band in bands.items():
        title = f"{name} ({len(systems[name])})"
        draw.text((GAP, top + HEADING / 2), title, INK, font, anchor="lm")
        sheet.paste(Image.fromarray(band), (GAP, top + HEADING))
        top += HEADING + band.shape[0] + GAP
    with disk_errors(path):
        write_png(path, np.asarray(sheet))


def shown_of(count: int) -> list[int]:
    """Places of the pictures that are shown of `count`."""
    return spread(count, COLUMNS * ROWS)


def _band(paths: Sequence[Path]) -> np.ndarray:
    tiles = [decode(paths[place]) for place in shown_of(len(paths))]
    side = min(tiles[0].shape[:2])
    tiles = [enlarge(tile, max(1, TILE_MIN // side)) for tile in tiles]
    height, width = tiles[0].shape[:2]
    columns = min(COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    band = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), 255, np.uint8)
    for place, tile in enumerate(tiles):
        top, left = (place // columns) * (height + GAP), (place % columns) * (width + GAP)
        band[top : top + height, left : left + width] = tile
    return band
