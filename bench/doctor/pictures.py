"""Pictures of offenders: LR or another input, the output as it lies there, HR, the error."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from bench.doctor.files import list_stems
from bench.doctor.report import Finding, Report
from bench.images.hr import ImageSet, Item, read_hr
from bench.images.lowres import LowRes
from bench.images.pixels import make_lr, to_batch
from bench.suites.protocol import Suite
from sr3.base.errors import InputError
from sr3.base.files import disk_errors
from sr3.pictures.images import open_image, write_png
from sr3.pictures.resize import downsample

ROWS = 4  # offenders shown per check
TILE = 192  # pixels
GAP, HEADING = 6, 20
ERROR_GAIN = 8  # of the LR error as shown
INK, PAPER, EMPTY = (30, 30, 30), (255, 255, 255), (225, 225, 225)
COLUMNS = 4

Pixels = NDArray[np.uint8]


def draw_offenders(
    report: Report, folder: Path, suite: Suite, images: ImageSet, out: Path
) -> dict[str, Path]:
    """Write `<out>/<check>.png` for each warning and error that names offenders.

    Returns:
        The picture of each check that has one.
    """
    found, items = list_stems(folder), {item.stem: item for item in images.items}
    drawn = {}
    for finding in report.of("error") + report.of("warning") + report.of("accepted"):
        names = [Path(n).stem if n not in items else n for n in finding.offenders]
        rows = [
            (items[name], found[name][0] if name in found else None)
            for name in dict.fromkeys(names)
            if name in items
        ]
        if rows:
            drawn[finding.check] = out / f"{finding.check}.png"
            with disk_errors(drawn[finding.check]):
                write_png(drawn[finding.check], _sheet(finding, rows[:ROWS], suite, images.lr))
    return drawn


def _sheet(
    finding: Finding, rows: list[tuple[Item, Path | None]], suite: Suite, low: LowRes
) -> Pixels:
    of_what = f"{low.called} error" if low.problem is None else "error, brought down"
    headings = low.called, "output", "HR", f"|{of_what}| x{ERROR_GAIN}"
    width = GAP + COLUMNS * (TILE + GAP)
    height = 2 * HEADING + len(rows) * (TILE + HEADING + GAP)
    sheet = Image.new("RGB", (width, height), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    draw.text((GAP, 4), _shortened(f"{finding.check}: {finding.message}", width), INK, font)
    for column, heading in enumerate(headings):
        draw.text((GAP + column * (TILE + GAP), HEADING + 2), heading, INK, font)
    for number, (item, path) in enumerate(rows):
        top = 2 * HEADING + number * (TILE + HEADING + GAP)
        for column, tile in enumerate(_tiles(item, path, suite, low)):
            sheet.paste(tile, (GAP + column * (TILE + GAP), top))
        draw.text((GAP, top + TILE + 2), path.name if path else f"{item.stem}: missing", INK, font)
    return np.asarray(sheet)


def _tiles(item: Item, path: Path | None, suite: Suite, low: LowRes) -> list[Image.Image]:
    hr = read_hr(item)
    lr = low.batch([item.lr], to_batch([hr]), suite.scale)
    output = _stored(path)
    error: Image.Image | None = None
    if output is not None and (output.height, output.width) == item.size:
        bring_down = low.down_levels(to_batch([hr])) or downsample
        small = bring_down(to_batch([np.asarray(output)]).double(), suite.scale)
        wanted = lr if low.problem is None else make_lr(to_batch([hr]), suite.scale)
        gap = ((small - wanted.double()).abs() * ERROR_GAIN).clamp(0, 255)[0].permute(1, 2, 0)
        error = Image.fromarray(gap.byte().numpy())
    shown = (Image.fromarray(lr[0].permute(1, 2, 0).numpy()), output, Image.fromarray(hr), error)
    return [_fitted(picture) for picture in shown]


def _stored(path: Path | None) -> Image.Image | None:
    if path is None:
        return None
    try:
        return open_image(path).convert("RGB")
    except InputError:
        return None


def _fitted(picture: Image.Image | None) -> Image.Image:
    tile = Image.new("RGB", (TILE, TILE), EMPTY)
    if picture is None:
        ImageDraw.Draw(tile).text((TILE / 2, TILE / 2), "none", INK, anchor="mm")
        return tile
    factor = TILE / max(picture.size)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    tile.paste(
        picture.resize(size, Image.Resampling.NEAREST if factor > 1 else Image.Resampling.BOX)
    )
    return tile


def _shortened(text: str, width: int) -> str:
    most = width // 6
    return text if len(text) <= most else f"{text[: most - 3]}..."
