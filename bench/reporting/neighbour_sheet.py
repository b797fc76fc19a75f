"""The sheet of nearest training pictures: the most suspicious generated ones, then some of all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.images.reading import decode
from bench.reporting.sheet import GAP, HEADING, INK, PAPER, TILE_MIN, enlarge, spread
from sr3.base.files import disk_errors
from sr3.pictures.images import write_png

SUSPICIOUS, OTHERS = 6, 6  # rows
BESIDE = 2  # rows side by side


@dataclass(frozen=True)
class Neighbour:
    """A picture with its nearest training picture in each space, and the distance there."""

    picture: Path
    nearest: Mapping[str, tuple[Path, float]]


def write_neighbours(path: Path, title: str, found: Sequence[Neighbour], by: str) -> None:
    """Write the sheet: on the left the pictures nearest to training in space `by`, on the right
    evenly spread ones.
    """
    order = sorted(found, key=lambda neighbour: neighbour.nearest[by][1])
    columns = [order[:SUSPICIOUS], [found[i] for i in spread(len(found), OTHERS)]]
    headings = [f"nearest by {by}", "evenly spread"]
    tiles = [[_tiles(neighbour) for neighbour in column] for column in columns]
    side_y, side_x = tiles[0][0][0].shape[:2]
    spaces = list(found[0].nearest)
    block = (1 + len(spaces)) * (side_x + GAP) + 2 * GAP
    height = 3 * HEADING + max(map(len, tiles)) * (side_y + HEADING)
    sheet = Image.new("RGB", (GAP + BESIDE * block, height), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    draw.text((GAP, HEADING / 2), title, INK, font, anchor="lm")
    for number, (heading, rows) in enumerate(zip(headings, tiles, strict=True)):
        left = GAP + number * block
        draw.text((left, 1.5 * HEADING), heading, INK, font, anchor="lm")
        for place, name in enumerate(("generated", *spaces)):
            middle = left + place * (side_x + GAP) + side_x / 2
            draw.text((middle, 2.5 * HEADING), name, INK, font, anchor="mm")
        for row, (neighbour, pictures) in enumerate(zip(columns[number], rows, strict=True)):
            top = 3 * HEADING + row * (side_y + HEADING)
            captions = ["", *(f"{gap:.3f}" for _, gap in neighbour.nearest.values())]
            for place, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
                x = left + place * (side_x + GAP)
                sheet.paste(Image.fromarray(picture), (x, top))
                below = top + side_y + HEADING / 2
                draw.text((x + side_x / 2, below), caption, INK, font, anchor="mm")
    with disk_errors(path):
        write_png(path, np.asarray(sheet))


def _tiles(neighbour: Neighbour) -> list[np.ndarray]:
    paths = [neighbour.picture, *(path for path, _ in neighbour.nearest.values())]
    pictures = [decode(path) for path in paths]
    factor = max(1, TILE_MIN // min(pictures[0].shape[:2]))
    return [enlarge(picture, factor) for picture in pictures]
