"""A batch through a generator and all stages, each written as it is made.

Batches follow from the number of pictures and the batch size, and all noise from (seed, picture,
stage). So a run that was killed makes the batch it was in again, with the same bytes, and any
number of processes make the same as one. No more than one batch is in memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sr3.base.files import disk_errors, sha256_of_json
from sr3.base.rng import generator_of
from sr3.cascading import sheet
from sr3.cascading.models import Enlarger
from sr3.diffusion import samplers
from sr3.pictures import images
from sr3.sampling import chain, generation
from sr3.sampling.generation import Item

SETTINGS = "cascade.json"
SHEETS = "sheets"
STAGES = "stages"
SHOWN = 16  # pictures on the sheet


@dataclass(frozen=True)
class Settings:
    """All that decides what the pictures are; saved beside them.

    Attributes:
        generator: those of `generation.Settings`, with the seed, classes and number of pictures.
        stages: of each that follows, `Enlarger.described`.
        keep: whether the generator's pictures are written too.
    """

    cascade: str
    generator: dict[str, Any]
    stages: list[dict[str, Any]]
    keep: bool


@dataclass(frozen=True)
class Drawing:
    """Files of one picture so far, and its stages where it is to be on the sheet."""

    item: Item
    files: list[str] = field(default_factory=list)
    stages: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True)
class Work:
    """Models, settings and place of one invocation."""

    source: generation.Work
    enlargers: list[Enlarger]
    settings: Settings
    out: Path

    @property
    def sha256(self) -> str:
        """Of the settings: what a picture is noted under."""
        return sha256_of_json(asdict(self.settings))

    def batches(self) -> list[list[Item]]:
        """Pictures that go through the stages together."""
        return self.source.batches()

    def make(self, batch: list[Item], progress: Callable[[float], None]) -> list[dict[str, Any]]:
        """Take a batch through all stages and write its pictures; a record per picture."""
        drawings = [Drawing(item) for item in batch]
        for number, pictures in enumerate(self.through(batch, progress), 1):
            self._write(drawings, number, pictures)
        return [self._finish(drawing) for drawing in drawings]

    def through(self, batch: list[Item], progress: Callable[[float], None]) -> Iterator[Tensor]:
        """What each stage makes of a batch, the generator first."""
        of_the_first, count = self._share_of_the_first(), len(batch)
        first = self.source.pictures(batch, lambda s: progress(s * of_the_first * count))
        yield first
        settings = self.source.settings

        def noise(stage: int) -> list[torch.Generator]:
            return [generator_of(settings.seed, "cascade", i.index, stage + 2) for i in batch]

        yield from chain.each(
            [enlarger.link for enlarger in self.enlargers],
            first,
            noise,
            settings.precision,
            settings.batch_size,
            lambda s: progress(s * (1 - of_the_first) * count),
        )

    def _share_of_the_first(self) -> float:
        plan = self.source.settings.plan
        own = samplers.INFO[plan["sampler"]].cost(plan["steps"])
        return own / (own + sum(chain.work_of([e.link for e in self.enlargers])))

    def folder(self, number: int) -> Path | None:
        """Where the pictures of a stage go, the generator being 1; None: they are not kept."""
        kept = [self.settings.keep, *(enlarger.keep for enlarger in self.enlargers)]
        if number == len(kept):
            return self.out
        sides = [self.source.model.spec.unet.resolution, *(e.side for e in self.enlargers)]
        return self.out / STAGES / f"{number}-{sides[number - 1]}" if kept[number - 1] else None

    def _write(self, drawings: list[Drawing], number: int, pictures: Tensor) -> None:
        folder = self.folder(number)
        for drawing, picture, pixels in zip(
            drawings, pictures, images.to_uint8(pictures), strict=True
        ):
            if drawing.item.index < SHOWN:
                drawing.stages.append(picture.cpu())
            if folder is not None:
                self._save(drawing, folder / f"{drawing.item.name}.png", pixels)

    def _save(self, drawing: Drawing, path: Path, pixels: Any) -> None:
        with disk_errors(path):
            images.write_png(path, pixels)
        drawing.files.append(path.relative_to(self.out).as_posix())

    def _finish(self, drawing: Drawing) -> dict[str, Any]:
        item = drawing.item
        if drawing.stages:
            self._save(drawing, self._row(item), sheet.row(drawing.stages, item.class_name))
        told = {"class": item.class_name} if item.class_name else {}
        return {"name": item.name, "sha256": self.sha256, "outputs": drawing.files} | told

    def _row(self, item: Item) -> Path:
        return self.out / SHEETS / f"{item.name}.png"

    def write_sheet(self) -> Path | None:
        """The first pictures at all stages; None while some are still to be made."""
        path = self.out / SHEETS / "stages.png"
        rows = [self._row(item) for item in self.source.items[:SHOWN]]
        return path if sheet.write(path, rows) else None
