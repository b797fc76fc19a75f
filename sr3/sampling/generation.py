"""Many generated pictures as resumable work: batches dealt out to processes, a sheet at the end.

A picture's noise is keyed by (seed, index) alone, and which pictures share a batch follows from
their number and the batch size, never from how many processes there are or what is already done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from sr3.base.files import disk_errors, write_csv
from sr3.base.rng import generator_of
from sr3.machine.processes import Process
from sr3.networks.model import Model
from sr3.pictures import images
from sr3.sampling import contact_sheet
from sr3.sampling.folder import Journal
from sr3.sampling.generating import generate

SETTINGS = "generate.json"
CLASSES = "classes.csv"
SHEET = Path("sheets") / "contact.png"  # in a folder of its own: OUT holds generated pictures only
SHOWN_CLASSES = 16
SHOWN_OF_A_CLASS = 16
SHOWN = 64  # of weights without classes


@dataclass(frozen=True)
class Settings:
    """All that decides what the pictures are; saved beside them.

    Attributes:
        weights, sha256, trained: the file's name and hash, and what run and step it is of.
        classes: what the pictures are of, in turn; empty for weights without classes.
        plan: sampler, steps, schedule, eta and temperature.
    """

    weights: str
    sha256: str
    trained: dict[str, Any]
    n: int
    classes: list[str]
    guidance: float
    plan: dict[str, Any]
    seed: int
    batch_size: int
    precision: str


@dataclass(frozen=True)
class Item:
    """One picture to make; label and class are None for weights without classes."""

    index: int
    label: int | None = None
    class_name: str = ""

    @property
    def name(self) -> str:
        """Of its file, without the ending."""
        return f"{self.index:06d}"


def items(n: int, classes: Sequence[tuple[str, int]]) -> list[Item]:
    """`n` pictures, of the (name, label) pairs in turn."""
    if not classes:
        return [Item(i) for i in range(n)]
    return [Item(i, classes[i % len(classes)][1], classes[i % len(classes)][0]) for i in range(n)]


@dataclass(frozen=True)
class Work:
    """Model, settings and place of one invocation."""

    model: Model
    settings: Settings
    items: list[Item]
    out: Path

    def batches(self) -> list[list[Item]]:
        """Pictures that the network makes together."""
        size = self.settings.batch_size
        return [self.items[i : i + size] for i in range(0, len(self.items), size)]

    def pictures(self, batch: list[Item], progress: Callable[[float], None]) -> Tensor:
        """(B, 3, side, side) in [-1, 1] of a batch; `progress` is called with shares of it."""
        s = self.settings
        labels = [item.label for item in batch if item.label is not None]
        plan = {k: s.plan[k] for k in ("sampler", "steps", "schedule", "eta", "temperature")}
        return generate(
            self.model,
            labels or None,
            [generator_of(s.seed, "generate", item.index) for item in batch],
            precision=s.precision,
            guidance=s.guidance,
            progress=progress,
            **plan,
        )

    def make(self, batch: list[Item], progress: Callable[[float], None]) -> list[dict[str, Any]]:
        """Generate a batch and write its pictures; a record per picture."""
        s = self.settings
        pictures = self.pictures(batch, lambda share: progress(share * len(batch)))
        records = []
        for item, pixels in zip(batch, images.to_uint8(pictures), strict=True):
            path = self.out / f"{item.name}.png"
            with disk_errors(path):
                images.write_png(path, pixels)
            told = {"class": item.class_name} if item.class_name else {}
            records.append({"name": item.name, "sha256": s.sha256, "outputs": [path.name]} | told)
        return records


class Maker(Protocol):
    """What makes numbered pictures batch by batch."""

    def batches(self) -> list[list[Item]]: ...

    def make(self, batch: list[Item], progress: Callable[[float], None]) -> list[dict[str, Any]]:
        """Write a batch's pictures, calling `progress` with parts of their number; the records."""


def make_missing(
    work: Maker, sha256: str, process: Process, journal: Journal, progress: Callable[[float], None]
) -> None:
    """Make what is missing of this process's batches, as noted under this hash."""
    for batch in work.batches()[process.rank :: process.size]:
        if all(journal.has(item.name, sha256) for item in batch):
            progress(len(batch))
            continue
        for record in work.make(batch, progress):
            journal.add(record)


def write_classes(items: Sequence[Item], out: Path) -> None:
    """Which picture is of which class, as CSV; nothing for weights without classes."""
    rows = [{"file": f"{i.name}.png", "class": i.class_name} for i in items if i.class_name]
    if rows:
        write_csv(out / CLASSES, ["file", "class"], rows)


def write_sheet(work: Work) -> Path | None:
    """The first pictures, of each class, on one sheet; None while some are still to be made."""
    blocks: dict[str, list[Item]] = {}
    for item in work.items:
        blocks.setdefault(item.class_name, []).append(item)
    count = SHOWN if list(blocks) == [""] else SHOWN_OF_A_CLASS
    chosen = {name: found[:count] for name, found in list(blocks.items())[:SHOWN_CLASSES]}
    paths = {name: [work.out / f"{i.name}.png" for i in found] for name, found in chosen.items()}
    if not all(path.is_file() for found in paths.values() for path in found):
        return None
    pictures = {
        name: images.from_uint8(np.stack([images.read_rgb(p) for p in found]))
        for name, found in paths.items()
    }
    sheet = work.out / SHEET
    with disk_errors(sheet):
        images.write_png(sheet, contact_sheet.draw(pictures))
    return sheet
