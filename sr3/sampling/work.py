"""The work on batches of pictures: sample, write, note; what is there already is not made again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sr3.base.files import sha256_of_file
from sr3.base.rng import generator_of
from sr3.degradations.protocol import Chosen, choose
from sr3.machine.processes import Process
from sr3.pictures import images, kinds
from sr3.restoration import given
from sr3.sampling import chain, folder, outputs
from sr3.sampling.chain import Stage
from sr3.sampling.folder import Source
from sr3.sampling.progress import Bar


@dataclass(frozen=True)
class Settings:
    """All that decides what a picture's outputs are; saved beside them."""

    stages: list[dict[str, Any]]
    consistent: bool
    seed: int
    num_samples: int
    mean: bool
    compare: bool
    precision: str


@dataclass(frozen=True)
class Work:
    """Models, settings and place of one invocation; `masks` by the names of the inputs."""

    stages: list[Stage]
    settings: Settings
    out: Path
    device: torch.device
    window_batch: int
    masks: Mapping[str, Path] = field(default_factory=dict)

    @property
    def chosen(self) -> Chosen:
        """What the inputs went through, from the last model's size to the first one's input."""
        first = self.stages[0].chosen
        several = len(self.stages) > 1
        return choose(first.text, chain.total_scale(self.stages)) if several else first

    def sha256(self, source: Source) -> str:
        """Of all that an input is read from."""
        own, mask = sha256_of_file(source.path), self.masks.get(source.name)
        return own if mask is None else f"{own} mask {sha256_of_file(mask)}"

    def upscale(self, lr: Tensor, keys: list[str], progress: Callable[[float], None]) -> Tensor:
        """(B, K, 3, H, W) on the CPU: K samples of every picture, rounded to 8 bits."""
        s = self.settings
        share = len(lr) / s.num_samples
        samples = [
            chain.run(
                self.stages,
                lr.to(self.device),
                partial(self._generators, keys, k),
                s.precision,
                self.window_batch,
                progress=lambda part: progress(part * share),
            )
            for k in range(s.num_samples)
        ]
        return torch.stack([images.from_uint8(images.to_uint8(sr)) for sr in samples], dim=1)

    def _generators(self, keys: list[str], sample: int, stage: int) -> list[torch.Generator]:
        return [generator_of(self.settings.seed, key, sample, stage) for key in keys]

    def make(
        self, batch: list[Source], hashes: list[str], progress: Callable[[float], None]
    ) -> list[dict[str, Any]]:
        """Sample a batch and write its outputs; a record per picture."""
        chosen, read = self.stages[0].chosen, kinds.read_picture
        taken = [
            given.take(read(s.path), chosen, str(s.path), self.masks.get(s.name)) for s in batch
        ]
        keys = [kinds.content_key(one.picture) for one in taken]
        sr = self.upscale(torch.stack([one.degraded for one in taken]), keys, progress)
        records, whole = [], self.chosen
        for source, sha256, one, samples in zip(batch, hashes, taken, sr, strict=True):
            behind = given.operator_of(whole, one.degraded[None])
            result = outputs.Result(one.picture, samples, whole.scale, behind, one.degraded)
            s = self.settings
            files = outputs.write(self.out, source.name, result, s.mean, s.compare)
            numbers = outputs.measure(result)
            records.append({"name": source.name, "sha256": sha256, "outputs": files} | numbers)
        return records


def sample_folder(
    work: Work, batches: list[list[Source]], process: Process, journal: folder.Journal
) -> list[dict[str, Any]]:
    """Make what is missing of this process's batches; the records of all of them."""
    mine = batches[process.rank :: process.size]
    with Bar(sum(map(len, mine)), process) as bar:
        for batch in mine:
            hashes = [work.sha256(source) for source in batch]
            if all(journal.has(s.name, h) for s, h in zip(batch, hashes, strict=True)):
                bar.move(len(batch))
                continue
            for record in work.make(batch, hashes, bar.move):
                journal.add(record)
    return [journal.done[source.name] for batch in mine for source in batch]


def sample_file(work: Work, source: Source) -> list[dict[str, Any]]:
    """Make the outputs of one picture, always anew."""
    with Bar(1, Process()) as bar:
        return work.make([source], [work.sha256(source)], bar.move)
