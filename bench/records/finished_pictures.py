"""The pictures of a finished run, read back as they were judged: HR, outputs, and their LR."""

from collections.abc import Callable

import numpy as np
from torch import Tensor

from bench.images.lowres import made
from bench.images.pixels import to_batch
from bench.images.reading import cropped, decode, read_checked
from bench.records.finished import FinishedRun
from bench.records.record import REFERENCE
from sr3.pictures.operators import BICUBIC, KNOWN, Operator


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


def operator_of(finished: FinishedRun) -> Operator | None:
    """The operator behind the run's LR; None where it is unknown."""
    told = finished.records[0].extra.get("lr", {"operator": BICUBIC.name})
    return None if told["operator"] is None else KNOWN[told["operator"]]


def down_of(finished: FinishedRun) -> Callable[[Tensor, int], Tensor]:
    """How outputs are brought down for maps: by the operator behind LR, or else by ours."""
    return (operator_of(finished) or BICUBIC).down


def read_lr(finished: FinishedRun, stem: str, hr: np.ndarray) -> Tensor:
    """(1, 3, h, w) uint8, made from `hr` or given."""
    scale = finished.records[0].scale
    if stem in finished.lr:
        height, width = (side // scale for side in hr.shape[:2])
        return to_batch([read_checked(finished.lr[stem], (height, width), "the run", gray=True)])
    operator = operator_of(finished)
    assert operator is not None
    return made(to_batch([hr]), scale, operator)
