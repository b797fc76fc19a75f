"""The paper's Fig. 11: the images that fooled most and least people, per system."""

from typing import Any

import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from twoafc_server.analysis.analyse import TaskReport
from twoafc_server.analysis.reading.pictures import Pictures

_MARGIN, _GAP, _LINE = 12, 6, 16


def extremes(table: pd.DataFrame, count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The images that fooled most and least, by shrunken rate; no image in both."""
    order = table.sort_values(["shrunk", "image"], ascending=[False, True])
    take = min(count, len(order) // 2) or 1
    return order.head(take), order.tail(take).iloc[::-1]


def sheet(
    task: TaskReport, pictures: Pictures, reference: str = "hr", count: int = 4
) -> Image.Image:
    """One block per system: a row of most and a row of least fooling pairs, reference left.

    reference: `hr`, or the system that outputs were shown against.
    """
    blocks = [
        (f"{name}: fooled {what}", rows, name)
        for name, report in task.systems.items()
        for what, rows in zip(("most", "least"), extremes(report.images.table, count), strict=True)
    ]
    strips = [_strip(title, rows, name, pictures, reference) for title, rows, name in blocks]
    width = max(strip.width for strip in strips)
    page = Image.new("RGB", (width, sum(strip.height for strip in strips) + _MARGIN), "white")
    top = 0
    for strip in strips:
        page.paste(strip, (0, top))
        top += strip.height
    return page


def _strip(
    title: str, rows: pd.DataFrame, system: str, pictures: Pictures, reference: str
) -> Image.Image:
    pairs = [
        (pictures.picture(image, reference), pictures.picture(image, system))
        for image in rows["image"]
    ]
    size = _shown(pairs[0][0])
    cell = 2 * size[0] + _GAP
    width = _MARGIN + len(pairs) * (cell + 2 * _MARGIN)
    strip = Image.new("RGB", (width, size[1] + 2 * _LINE + 2 * _MARGIN), "white")
    draw = ImageDraw.Draw(strip)
    draw.text((_MARGIN, _MARGIN // 2), title, "black", _font(13))
    for index, (pair, row) in enumerate(zip(pairs, rows.itertuples(), strict=True)):
        left = _MARGIN + index * (cell + 2 * _MARGIN)
        for offset, picture in zip((0, size[0] + _GAP), pair, strict=True):
            strip.paste(
                picture.resize(size, Image.Resampling.NEAREST), (left + offset, _LINE + _MARGIN)
            )
        draw.text((left, size[1] + _LINE + _MARGIN + 2), _caption(row), "black", _font(11))
    return strip


def _shown(picture: Image.Image) -> tuple[int, int]:
    """Small pictures are shown at a whole multiple, never resampled in between."""
    factor = max(1, 128 // picture.width)
    return picture.width * factor, picture.height * factor


def _caption(row: Any) -> str:
    return f"{row.fooled}/{row.answers} = {100 * row.rate:.0f} %, shrunken {100 * row.shrunk:.0f} %"


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
