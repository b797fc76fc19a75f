"""Features on disk, keyed by content: each picture goes once through each extractor, ever.

A store is a folder per extractor identity that holds chunks of rows, each a safetensors file with
the SHA-256 of its pictures in the header. Chunks are written aside and renamed, so several
processes may add to one store, and a kill leaves only whole chunks.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor

from bench.extractors.protocol import LoadedExtractor, Rows
from sr3.base.errors import InputError
from sr3.base.files import sha256_of_json, write_bytes

MAP_BYTES = 512 << 20  # matrices above it live in a mapped file, so memory is flat in N
KEYS = "pictures"


@dataclass(frozen=True)
class ChunkRow:
    """Where the features of a picture lie."""

    chunk: Path
    row: int


@dataclass
class FeatureStore:
    """Features of one extractor under `root`; `add` computes what is missing, `rows` reads."""

    root: Path
    extractor: LoadedExtractor
    _places: dict[str, ChunkRow] = field(default_factory=dict)
    _read: set[Path] = field(default_factory=set)

    @property
    def folder(self) -> Path:
        """Where the chunks of this extractor lie."""
        return self.root / self.extractor.identity[:32]

    def missing(self, pictures: Sequence[str]) -> list[int]:
        """Positions in `pictures` (SHA-256 of files) that have no features yet, without repeats."""
        if any(picture not in self._places for picture in pictures):
            self._scan()
        first = {picture: index for index, picture in reversed(list(enumerate(pictures)))}
        return sorted(index for picture, index in first.items() if picture not in self._places)

    def add(self, pictures: Sequence[str], images: Tensor) -> None:
        """Extract and keep the features of pictures that have none.

        Args:
            pictures: SHA-256 of each file.
            images: (B, 3, H, W) uint8, in the same order.

        Raises:
            InputError: the disk is full or not writable.
        """
        wanted = self.missing(pictures)
        if wanted:
            self._write([pictures[i] for i in wanted], self.extractor(images[wanted]))

    def rows(self, pictures: Sequence[str]) -> Rows:
        """Matrices (N, values) per layer, a row per picture in the order given.

        Raises:
            InputError: a picture has no features.
        """
        absent = self.missing(pictures)
        if absent:
            raise InputError(f"found no features of {len(absent)} pictures in {self.folder}")
        by_chunk: dict[Path, list[int]] = {}
        for index, picture in enumerate(pictures):
            by_chunk.setdefault(self._places[picture].chunk, []).append(index)
        result: Rows = {}
        for chunk, indices in by_chunk.items():
            rows = [self._places[pictures[i]].row for i in indices]
            for layer, values in _layers(chunk, self.extractor.layers).items():
                if layer not in result:
                    result[layer] = _matrix(len(pictures), values.shape[1])
                result[layer][indices] = values[rows]
        return result

    def _write(self, pictures: list[str], rows: Rows) -> None:
        chunk = self.folder / f"{sha256_of_json(pictures)[:32]}.safetensors"
        write_bytes(chunk, save(rows, metadata={KEYS: json.dumps(pictures)}))
        self._note(chunk, pictures)

    def _scan(self) -> None:
        """Read the headers of chunks not yet seen; a damaged chunk counts for nothing."""
        for chunk in sorted(set(self.folder.glob("*.safetensors")) - self._read):
            try:
                with safe_open(chunk, framework="np") as handle:
                    self._note(chunk, json.loads((handle.metadata() or {})[KEYS]))
            except (SafetensorError, OSError, KeyError, ValueError):
                chunk.unlink(missing_ok=True)

    def _note(self, chunk: Path, pictures: Sequence[str]) -> None:
        self._read.add(chunk)
        for row, picture in enumerate(pictures):
            self._places.setdefault(picture, ChunkRow(chunk, row))


def _layers(chunk: Path, layers: Sequence[str]) -> Rows:
    with safe_open(chunk, framework="np") as handle:
        return {layer: handle.get_tensor(layer) for layer in layers}


def _matrix(rows: int, values: int) -> NDArray[np.float32]:
    if rows * values * 4 <= MAP_BYTES:
        return np.empty((rows, values), dtype=np.float32)
    with tempfile.TemporaryFile() as handle:
        return np.memmap(handle, dtype=np.float32, mode="w+", shape=(rows, values))
