"""The pictures of a finished run, read back as they were judged: HR, outputs, and their LR."""

import numpy as np
from torch import Tensor

from bench.images.lowres import Bring, LowRes
from bench.images.pixels import to_batch
from bench.images.reading import cropped, decode, read_checked
from bench.records.finished import FinishedRun
from bench.records.record import REFERENCE
from sr3.degradations.protocol import choose
from sr3.pictures.operators import BICUBIC


def read_picture(finished: FinishedRun, system: str, stem: str, reader: str) -> np.ndarray:
    """HR (the system `hr`) or an output, (H, W, 3) uint8.

    Raises:
        InputError: a picture that is gone, or of another size than the run's.
    """
    size = finished.records[0].size
    if size:
        height, width = size
        return read_checked(finished.path(system, stem), (height, width), reader)
    scale, path = finished.records[0].scale, finished.path(REFERENCE, stem)
    hr = decode(path)
    height, width = (side - side % scale for side in hr.shape[:2])
    if system == REFERENCE:
        return cropped(hr, (height, width))
    return read_checked(finished.path(system, stem), (height, width), reader, gray=True)


def low_of(finished: FinishedRun) -> LowRes:
    """How the run's LR came to be."""
    told = finished.records[0].extra.get("lr", {"operator": BICUBIC.name})
    if "degradation" in told:
        return LowRes(None, degradation=choose(told["degradation"], finished.records[0].scale))
    return LowRes(told["operator"])


def down_of(finished: FinishedRun, hr: np.ndarray) -> Bring:
    """How outputs on 0..255 are brought down for maps: as LR was made, or else by our operator."""
    return low_of(finished).down_levels(to_batch([hr])) or BICUBIC.down


def read_lr(finished: FinishedRun, stem: str, hr: np.ndarray) -> Tensor:
    """(1, 3, h, w) uint8, made from `hr` or given."""
    scale = finished.records[0].scale
    if stem in finished.lr:
        height, width = (side // scale for side in hr.shape[:2])
        return to_batch([read_checked(finished.lr[stem], (height, width), "the run", gray=True)])
    return low_of(finished).batch([None], to_batch([hr]), scale)
