"""What a run trains on and what it is checked with: its sources, each without its held-out part."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sr3.base.errors import InputError
from sr3.data import labels
from sr3.data.bad_pictures import BadPictures
from sr3.data.examples import Preloaded, read_square
from sr3.data.labels import Labelling
from sr3.data.sources import Joined, Pictures, Source, Subset, open_source
from sr3.pictures import images


@dataclass(frozen=True)
class HeldOut:
    """Held-out pictures (N, 3, H, W) in [-1, 1] and their labels (N,), or None."""

    pictures: Tensor
    labels: Tensor | None = None


@dataclass(frozen=True)
class Split:
    """The pictures of a run.

    Attributes:
        training: by index, in memory where they fit.
        labels: class of each training picture, or None.
        classes: their names.
        described: per source, its name, how many train and which are held out.
        bad: those that could not be read so far.
    """

    training: Pictures
    held_out: HeldOut
    described: list[dict[str, Any]]
    bad: BadPictures
    labels: list[int] | None
    classes: tuple[str, ...]


def open_split(
    paths: list[Path],
    side: int,
    held_out: int,
    allowed_bad: float,
    cache_gib: float,
    labelling: Labelling | None,
    unlabelled: bool,
) -> Split:
    """Open every source, split off its held-out pictures and read what fits in memory.

    Args:
        side: of the square pictures in the sources.
        held_out: pictures of each source that are not trained on.
        allowed_bad: share of the pictures that may be unusable.
        cache_gib: decoded training pictures that may stay in memory.
        labelling: where classes come from, or None.
        unlabelled: whether a picture may have no class.
    """
    parts = [split_holdout(open_source(path), held_out) for path in paths]
    training: Pictures = Joined([kept for kept, _ in parts])
    bad = BadPictures(allowed_bad, len(training.keys) + held_out * len(paths))
    if len(training.keys) * side * side * 3 <= cache_gib * 2**30:
        preloaded = Preloaded(training, side)
        bad.note([(training.keys[i], reason) for i, reason in preloaded.bad.items()])
        training = preloaded
    named = labels.of_split(labelling, parts, unlabelled)
    held, usable = zip(*[_read_all(out, side, bad) for _, out in parts], strict=True)
    told = None if labelling is None else torch.from_numpy(named.held_out[np.concatenate(usable)])
    described = [
        {"source": path.name, "training": len(kept.keys), "held_out": list(out.keys)}
        for path, (kept, out) in zip(paths, parts, strict=True)
    ]
    shown = HeldOut(images.from_uint8(np.concatenate(held)), told)
    return Split(training, shown, described, bad, named.training, named.classes)


def _read_all(source: Source, side: int, bad: BadPictures) -> tuple[np.ndarray, np.ndarray]:
    """The usable pictures (N, side, side, 3) of a source and which they are; the rest is noted."""
    pictures, usable = [], np.zeros(len(source.keys), bool)
    for index, key in enumerate(source.keys):
        try:
            pictures.append(read_square(source, index, side))
            usable[index] = True
        except InputError as error:
            bad.note([(f"{source.name}/{key}", str(error))])
    return np.stack(pictures) if pictures else np.empty((0, side, side, 3), np.uint8), usable


def rank_of(key: str) -> str:
    """What held-out pictures are chosen by: the hash of a key's last part."""
    return hashlib.sha256(key.rpartition("/")[2].encode()).hexdigest()


def split_holdout(source: Source, count: int) -> tuple[Subset, Subset]:
    """(training, held-out): the `count` names with the smallest hash are held out."""
    total = len(source.keys)
    if count >= total:
        raise InputError(
            f"found {total} images in {source.name}, wanted more than {count} held out"
        )
    ranked = sorted(range(total), key=lambda i: rank_of(source.keys[i]))
    held = set(ranked[:count])
    rest = [i for i in range(total) if i not in held]
    by_name = sorted(held, key=lambda i: source.keys[i])
    return Subset(source, rest), Subset(source, by_name)
