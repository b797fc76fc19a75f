"""A suite's inputs as picture files, for programs that run elsewhere."""

from pathlib import Path

import numpy as np

from bench.images.hr import ImageSet, Track, read_hr
from bench.images.pixels import to_batch
from bench.suites.protocol import NamedSuite
from sr3.base.errors import InputError
from sr3.base.files import disk_errors
from sr3.pictures.images import write_png

MASKED = 4  # channels of colours and a mask


def write_inputs(
    images: ImageSet, named: NamedSuite, out: Path, masks: Path | None, progress: Track
) -> None:
    """Write `out/<stem>.png` for each image: the very levels that the suite's systems are given.

    Gray inputs are gray files, holes are transparent; nothing but pictures is written, since other
    programs take every file of a folder for one.

    Args:
        masks: folder for the masks of holed pictures, white where something is missing.

    Raises:
        InputError: masks of a suite without holes, or a folder that holds other files.
    """
    chosen = images.lr.degradation
    if masks is not None and (chosen is None or chosen.degradation.channels != MASKED):
        raise InputError(f"found --masks, suite {named.name} has no holes: leave it out")
    names = {f"{item.stem}.png" for item in images.items}
    for folder in filter(None, (out, masks)):
        _require_own(folder, names)
    if masks is not None and masks.resolve() == out.resolve():
        raise InputError(f"found {out} for pictures and masks, wanted two folders")
    by_path = {item.path: item for item in images.items}
    for path in progress(list(by_path), f"inputs of {named.name}"):
        item = by_path[path]
        made = images.lr.input([item.lr], to_batch([read_hr(item)]), named.suite.scale)
        pixels = made[0].permute(1, 2, 0).numpy()
        with disk_errors(out):
            write_png(out / f"{item.stem}.png", pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        if masks is not None:
            with disk_errors(masks):
                write_png(masks / f"{item.stem}.png", np.uint8(255) - pixels[..., MASKED - 1])


def _require_own(folder: Path, names: set[str]) -> None:
    """An empty or new folder, or one of an earlier run of the same."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"found a file at {folder}, wanted a folder")
    others = (
        sorted(p.name for p in folder.iterdir() if p.name not in names) if folder.exists() else []
    )
    if others:
        raise InputError(f"found {others[0]} in {folder}: give an empty or new folder")
