"""A cascade from what was asked for to its end: weights, settings, pictures, the sheet."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from sr3.cascading import config, models
from sr3.cascading.config import Cascade, naming
from sr3.cascading.work import SETTINGS, Settings, Work
from sr3.machine.processes import Process, choose_device
from sr3.sampling import folder, generation, generator_run
from sr3.sampling.chain import Stage
from sr3.sampling.progress import Bar


@dataclass(frozen=True)
class Run:
    """One run of a cascade.

    Attributes:
        config: a shipped name or a TOML file.
        n: pictures.
        classes: names that are made in turn; empty for all that the generator knows.
        guidance: w of classifier-free guidance; 0 is none.
        stages: the first so many, the generator counted; None is all.
        weights: NUMBER=FILE in place of what the cascade names.
        batch_size: pictures that go through the stages together.
        compile: compile the networks first.
        overwrite: make everything again.
    """

    config: str
    out: Path
    n: int
    classes: list[str] = field(default_factory=list)
    guidance: float = 0.0
    stages: int | None = None
    weights: list[str] = field(default_factory=list)
    seed: int = 0
    batch_size: int = 8
    device: str = "auto"
    precision: str = "auto"
    compile: bool = False
    overwrite: bool = False


def make(run: Run) -> str:
    """Make this process's pictures of the run; one line on them."""
    process = Process.from_environment()
    cascade = config.shortened(config.read(run.config), run.stages)
    work = plan(run, cascade, choose_device(run.device, process, shared=True))
    folder.claim(run.out / SETTINGS, asdict(work.settings), run.overwrite)
    if run.compile:
        compile_all(work)
    if process.rank == 0:
        print(json.dumps(asdict(work.settings)))
        generation.write_classes(work.source.items, run.out)
    journal = folder.Journal(run.out, process, fresh=run.overwrite)
    mine = sum(map(len, work.batches()[process.rank :: process.size]))
    with Bar(mine, process) as bar:
        generation.make_missing(work, work.sha256, process, journal, bar.move)
    sheet = work.write_sheet()
    return f"{mine} pictures in {run.out}" + (f"; {sheet}" if sheet else "")


def plan(run: Run, cascade: Cascade, device: torch.device) -> Work:
    """Load all models, fill in their defaults and refuse what does not fit, before any work.

    Raises:
        InputError: as of `models.find` and `models.enlargers`, or of the generator.
    """
    first, *others = models.find(cascade, run.weights)
    assert first is not None
    with naming(f"stage 1 of {cascade.name}"):
        source = generator_run.plan(_first(run, cascade, first), first, device)
    side = source.model.spec.unet.resolution
    enlargers = models.enlargers(cascade, others, side, device)
    settings = Settings(
        cascade.name,
        asdict(source.settings),
        [enlarger.described for enlarger in enlargers],
        cascade.generator.keep,
    )
    return Work(source, enlargers, settings, run.out)


def _first(run: Run, cascade: Cascade, path: Path) -> generator_run.Run:
    told = cascade.generator
    return generator_run.Run(
        weights=str(path),
        sampler=told.sampler,
        steps=told.steps,
        schedule=models.schedule_of(cascade, told),
        eta=told.eta,
        temperature=told.temperature,
        **{
            name: getattr(run, name)
            for name in ("out", "n", "classes", "guidance", "seed", "batch_size", "device",
                         "precision", "compile", "overwrite")
        },
    )  # fmt: skip


def compile_all(work: Work) -> None:
    """Compile every network."""
    work.source.model.network.compile()
    for enlarger in work.enlargers:
        if isinstance(enlarger.link, Stage):
            enlarger.link.model.network.compile()
