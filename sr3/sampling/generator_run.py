"""A generation from what was asked for to its end: weights, settings, pictures, the sheet."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from sr3.base.errors import InputError
from sr3.base.files import sha256_of_file
from sr3.machine.processes import Process, choose_device
from sr3.networks import checkpoint
from sr3.networks.precision import resolve
from sr3.sampling import folder, generating, generation
from sr3.sampling.generation import Settings, Work, items
from sr3.sampling.progress import Bar


@dataclass(frozen=True)
class Run:
    """One generation; None is the model's own default.

    Attributes:
        weights: a file or a shipped name.
        n: pictures.
        classes: names that are made in turn; empty for all that the weights know.
        guidance: w of classifier-free guidance; 0 is none.
        batch_size: pictures at once.
        compile: compile the network first.
        overwrite: make everything again.
    """

    weights: str
    out: Path
    n: int
    classes: list[str]
    guidance: float
    sampler: str | None
    steps: int | None
    schedule: str | None
    eta: float | None
    temperature: float | None
    seed: int
    batch_size: int
    device: str
    precision: str
    compile: bool
    overwrite: bool


def generate(run: Run) -> str:
    """Make this process's pictures of the run; one line on them."""
    process = Process.from_environment()
    device = choose_device(run.device, process, shared=True)
    work = plan(run, checkpoint.find_weights(run.weights), device)
    folder.claim(run.out / generation.SETTINGS, asdict(work.settings), run.overwrite)
    if run.compile:
        work.model.network.compile()
    if process.rank == 0:
        print(json.dumps(asdict(work.settings)))
        generation.write_classes(work.items, work.out)
    journal = folder.Journal(run.out, process, fresh=run.overwrite)
    mine = sum(map(len, work.batches()[process.rank :: process.size]))
    with Bar(mine, process) as bar:
        generation.make_missing(work, work.settings.sha256, process, journal, bar.move)
    sheet = generation.write_sheet(work)
    return f"{mine} pictures in {run.out}" + (f"; {sheet}" if sheet else "")


def plan(run: Run, path: Path, device: torch.device) -> Work:
    """Fill in the model's defaults and refuse what does not fit, before any work.

    Raises:
        InputError: weights of another task, an unknown class, or a number that cannot be.
    """
    model = checkpoint.load_model(path, device)
    for name in ("n", "batch_size"):
        if getattr(run, name) < 1:
            found = f"--{name.replace('_', '-')} {getattr(run, name)}"
            raise InputError(f"found {found}, wanted 1 or more")
    spec = model.spec
    generating.check(spec, run.guidance)
    names = run.classes or list(spec.classes)
    classes = [(name, generating.label_of(spec, name)) for name in names]
    sampling = (run.sampler, run.steps, run.schedule, run.eta, run.temperature)
    settings = Settings(
        weights=path.name,
        sha256=sha256_of_file(path),
        trained=trained(path),
        n=run.n,
        classes=names,
        guidance=run.guidance,
        plan=generating.resolved(spec, *sampling),
        seed=run.seed,
        batch_size=run.batch_size,
        precision=resolve(run.precision, device),
    )
    return Work(model, settings, items(run.n, classes), run.out)


def trained(path: Path) -> dict[str, Any]:
    """What run and step a weights file is of."""
    provenance = checkpoint.read_tensors(path).description.get("provenance", {})
    known = ("name", "step", "pictures_seen", "sigma_rel")
    return {k: provenance[k] for k in known if k in provenance}
