"""Classes of training pictures: from a table beside them, from folder names, from WordNet ids.

A picture without a class has the label -1. Numbers of many values, such as ages, are cut into
thirds over all pictures that have them; several columns together make one class.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from sr3.base.attributes import LEVELS, Row, number_of, read_rows, thirds
from sr3.base.errors import InputError
from sr3.base.rng import generator_of

NONE = -1  # as the network reads it
KEYS = ("file", "image", "name", "stem")  # columns that may name the picture
WORDNET = re.compile(r"n\d{8}")


class Named(Protocol):
    """What is asked of a source: the names of its pictures."""

    @property
    def name(self) -> str: ...

    @property
    def keys(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class Labelling:
    """Where classes come from.

    Attributes:
        where: "folder", "wordnet", or the path of a JSONL or CSV table.
        columns: of the table, joined into one class.
    """

    where: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Labels:
    """Classes in order, and the label of each picture of each source."""

    classes: tuple[str, ...]
    by_source: list[np.ndarray]


def read(labelling: Labelling, sources: Sequence[Named]) -> Labels:
    """The labels of all pictures of `sources`.

    Raises:
        InputError: an unreadable table, an unknown column, or no picture with a class.
    """
    pictures = [(s.name, key) for s in sources for key in s.keys]
    names: list[str | None]
    if labelling.where == "folder":
        names = [_folder(source, key) for source, key in pictures]
    elif labelling.where == "wordnet":
        names = [_wordnet(key) for _, key in pictures]
    else:
        names = _from_table(Path(labelling.where), labelling.columns, pictures)
    classes = tuple(sorted({name for name in names if name is not None}))
    if len(classes) < 2:
        raise InputError(
            f"found {len(classes)} classes for {len(pictures)} pictures such as "
            f"{'/'.join(pictures[0])} in {labelling.where}, wanted at least 2: see docs/train.md"
        )
    number = {name: i for i, name in enumerate(classes)}
    labels = np.array([NONE if name is None else number[name] for name in names], np.int64)
    ends = np.cumsum([len(s.keys) for s in sources])[:-1]
    return Labels(classes, np.split(labels, ends))


@dataclass(frozen=True)
class SplitLabels:
    """Labels of the training and of the held-out pictures of a run, by index; None without."""

    classes: tuple[str, ...]
    training: list[int] | None
    held_out: np.ndarray


def of_split(
    labelling: Labelling | None, split: Sequence[tuple[Named, Named]], unlabelled: bool
) -> SplitLabels:
    """Labels of (training, held-out) pairs of sources.

    Raises:
        InputError: as `read`; or a picture without a class, unless `unlabelled`.
    """
    if labelling is None:
        return SplitLabels((), None, np.empty(0, np.int64))
    kept, out = [pair[0] for pair in split], [pair[1] for pair in split]
    found = read(labelling, [*kept, *out])
    names = [f"{s.name}/{key}" for s in (*kept, *out) for key in s.keys]
    lacking = np.flatnonzero(np.concatenate(found.by_source) == NONE)
    if len(lacking) and not unlabelled:
        raise InputError(
            f"found no class for {len(lacking)} of {len(names)} pictures, such as "
            f"{names[lacking[0]]}, in {labelling.where}: leave them out, or set unlabelled=true"
        )
    half = len(kept)
    return SplitLabels(
        found.classes,
        np.concatenate(found.by_source[:half]).tolist(),
        np.concatenate(found.by_source[half:]),
    )


def _folder(source: str, key: str) -> str:
    """The folder that a picture lies in."""
    return key.rpartition("/")[0].rpartition("/")[2] or source


def _wordnet(key: str) -> str | None:
    found = WORDNET.match(key.rpartition("/")[2])
    return found and found.group()


def _from_table(
    path: Path, columns: tuple[str, ...], pictures: list[tuple[str, str]]
) -> list[str | None]:
    rows = _read_table(path)
    missing = [c for c in columns or ("",) if not any(c in row for row in rows.values())]
    if missing:
        known = ", ".join(k for k in next(iter(rows.values())) if k not in KEYS)
        raise InputError(
            f"found no column {missing[0]!r} in {path}, wanted one or several of: {known} "
            "(--label-column)"
        )
    found = [_row_of(rows, source, key) for source, key in pictures]
    parts = [_levels([None if row is None else row.get(c) for row in found]) for c in columns]
    joined = zip(*parts, strict=True)
    return [None if None in values else " ".join(map(str, values)) for values in joined]


def _read_table(path: Path) -> dict[str, Row]:
    """Rows by file name without ending."""
    if not path.is_file():
        raise InputError(
            f"found no table of labels at {path}: give a JSONL or CSV file, "
            "or `folder` or `wordnet`"
        )
    key, rows = read_rows(path, KEYS, "labels", "pictures")
    return {Path(str(row[key])).with_suffix("").as_posix(): row for row in rows}


def _row_of(rows: Mapping[str, Row], source: str, key: str) -> Row | None:
    """The row that names a picture with its source, without it, or by its last part alone."""
    names = f"{source}/{key}", key, key.rpartition("/")[2]
    return next((rows[name] for name in names if name in rows), None)


def _levels(values: list[Any]) -> list[str | None]:
    """Values as text, None and empty ones as None; numbers of many values by third."""
    given = [v for v in values if v not in (None, "")]
    numbers = [n for v in given if (n := number_of(v)) is not None]
    if len(numbers) < len(given) or len(set(numbers)) <= LEVELS:
        return [None if v in (None, "") else str(v) for v in values]
    spans = iter(thirds(np.array(numbers)))
    return [None if v in (None, "") else next(spans) for v in values]


def shown(labels: Tensor, dropout: float, seed: int, positions: list[int]) -> Tensor:
    """Labels (B,) with a share of them hidden as -1, each example's lot keyed by its position."""
    if not dropout:
        return labels
    lots = [float(torch.rand((), generator=generator_of(seed, "label", p))) for p in positions]
    return torch.where(torch.tensor(lots) < dropout, NONE, labels)
