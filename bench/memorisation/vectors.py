"""Nearest training pictures of a run's pictures, in pixels and in features of a network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.extractors.protocol import LoadedExtractor
from bench.images.pixels import to_batch
from bench.images.reading import read_checked
from bench.images.thumbs import thumbs_of
from bench.measuring.decoding import judged_batch
from bench.measuring.feature_store import FeatureStore
from bench.statistics.neighbours import nearest
from sr3.base.errors import InputError
from sr3.base.files import sha256_of_file

PIXELS, FEATURES = "pixels", "features"
SPACES = (PIXELS, FEATURES)
SIDE = 32  # to which pictures are averaged in the space of pixels

Vectors = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Nearest:
    """Of each picture of a set: distance to its nearest training picture, and which one that is.

    Distances are root mean squares over the values of the space: levels on [0, 1] for pixels.
    """

    distances: NDArray[np.float64]
    places: NDArray[np.int64]


@dataclass(frozen=True)
class Spaces:
    """How pictures become vectors; features are stored, so each is computed once.

    Attributes:
        size: (height, width) that all pictures must have.
        layer: of the extractor.
    """

    size: tuple[int, int]
    extractor: LoadedExtractor
    layer: str
    store: Path
    device: str

    def vectors(self, paths: Sequence[Path], progress: Callable[[int], None]) -> Vectors:
        """Vectors of pictures by space, a row each.

        Raises:
            InputError: a damaged file, or one of another size or mode.
        """
        kept = FeatureStore(self.store, self.extractor)
        hashes = [sha256_of_file(path) for path in paths]
        missing, step, thumbs = set(kept.missing(hashes)), judged_batch(self.size), []
        for start in range(0, len(paths), step):
            rows = range(start, min(start + step, len(paths)))
            pictures = {i: read_checked(paths[i], self.size, "the run") for i in rows}
            thumbs.append(thumbs_of(list(pictures.values()), SIDE))
            if new := [i for i in rows if i in missing]:
                kept.add(
                    [hashes[i] for i in new], to_batch([pictures[i] for i in new], self.device)
                )
            progress(len(rows))
        return {PIXELS: np.concatenate(thumbs), FEATURES: kept.rows(hashes)[self.layer]}


def nearest_of(ours: Vectors, training: Vectors) -> dict[str, Nearest]:
    """The nearest training picture of each of ours, by space."""
    found = {}
    for space in SPACES:
        gaps, places = nearest(ours[space], training[space], 1)
        width = ours[space].shape[1]
        found[space] = Nearest(np.sqrt(gaps[:, 0] / width), places[:, 0])
    return found


def refuse_overlap(training: Sequence[Path], held_out: Sequence[Path]) -> None:
    """InputError where held-out pictures are training pictures: their distance says nothing."""
    known = {sha256_of_file(path) for path in training}
    shared = [path.name for path in held_out if sha256_of_file(path) in known]
    if shared:
        raise InputError(
            f"found {len(shared)} real pictures of the run among the training pictures "
            f"({', '.join(shared[:3])}), wanted held-out ones: run the suite on others"
        )
