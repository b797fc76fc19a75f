"""A sheet that shows each picture at every stage, from rows that are drawn as the work goes on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from sr3.base.files import disk_errors
from sr3.pictures import images
from sr3.sampling.outputs import captioned

SIDE = 256  # pixels of a picture on the sheet; larger ones are reduced by area
COLUMNS = 2  # pictures beside one another


def row(stages: Sequence[Tensor], title: str) -> np.ndarray:
    """(H, W, 3) uint8 of one picture's stages (3, s, s), small ones enlarged as squares."""
    side = min(SIDE, max(stage.shape[-1] for stage in stages))
    panels = {}
    for number, stage in enumerate(stages, 1):
        caption = f"{number}: {stage.shape[-1]}x{stage.shape[-1]}"
        panels[f"{caption} {title}" if title and number == 1 else caption] = _fitted(stage, side)
    return captioned(panels)


def _fitted(picture: Tensor, side: int) -> Tensor:
    small = picture[None].float().cpu()
    if picture.shape[-1] > side:
        return F.adaptive_avg_pool2d(small, side)[0]
    return F.interpolate(small, size=side, mode="nearest")[0]


def write(path: Path, rows: Sequence[Path]) -> bool:
    """Put the rows together, two beside one another; False while some are still to be drawn."""
    if not all(row.is_file() for row in rows):
        return False
    drawn = [images.read_rgb(row) for row in rows]
    columns = min(COLUMNS, len(drawn))
    drawn += [np.full_like(drawn[0], 255)] * (-len(drawn) % columns)
    lines = [
        np.concatenate(drawn[start : start + columns], axis=1)
        for start in range(0, len(drawn), columns)
    ]
    with disk_errors(path):
        images.write_png(path, np.concatenate(lines))
    return True
