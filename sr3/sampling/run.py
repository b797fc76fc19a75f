"""A sampling from what was asked for to its end: inputs, models, settings, the pictures."""

import json
import sys
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch

from sr3.base.errors import InputError
from sr3.base.files import sha256_of_file
from sr3.degradations.protocol import DEFAULT
from sr3.machine.processes import Process, choose_device
from sr3.networks import checkpoint, precision, public_weights
from sr3.networks import start as starts
from sr3.pictures import images
from sr3.restoration import given
from sr3.sampling import chain, folder, outputs
from sr3.sampling.chain import Stage
from sr3.sampling.folder import Source
from sr3.sampling.work import Settings, Work, sample_file, sample_folder


@dataclass(frozen=True)
class Run:
    """One sampling; None is the model's own default.

    Attributes:
        input: a picture or a folder of pictures.
        output: a folder, or a file ending in .png for one picture.
        weights: a file or a shipped name; config: the JSON of a public SR3 checkpoint.
        start: WEIGHTS[@LOG_SNR] of the first model's regression twin, or "noise".
        then: WEIGHTS or WEIGHTS@STEPS of models that upscale the result again.
        sampler, steps, schedule, eta, temperature, spread, tile, overlap: as of a `chain.Stage`,
            of the first model; the windows also of the others.
        degradation: what the inputs went through, where it is known better than the weights say.
        mask: of inputs with a hole, one file or a folder.
        batch_size: pictures, or windows of one, at once.
        compile: compile the networks first.
        skip_bad: report damaged pictures and go on.
        overwrite: make everything again.

    The others are those of `Settings`.
    """

    input: Path
    output: Path
    weights: str
    config: Path | None
    start: str | None
    then: list[str]
    sampler: str | None
    steps: int | None
    schedule: str | None
    eta: float | None
    temperature: float | None
    spread: float | None
    degradation: str | None
    mask: Path | None
    consistent: bool
    num_samples: int
    mean: bool
    compare: bool
    seed: int
    tile: int | None
    overlap: int | None
    batch_size: int
    device: str
    precision: str
    compile: bool
    skip_bad: bool
    overwrite: bool


def sample(run: Run) -> str:
    """Make this process's pictures of the run; one line on them."""
    process = Process.from_environment()
    found, out, settings_path = place(run)
    device = choose_device(run.device, process, shared=True)
    stages, files = read_stages(run, device)
    settings = resolve(run, stages, files, device)
    masks = given.find_masks(run.mask, [source.name for source in found], stages[0].chosen)
    alone = not run.input.is_dir()
    if not alone:  # a single picture's settings are written with it
        folder.claim(settings_path, asdict(settings), overwrite=run.overwrite)
    if run.compile:
        for stage in stages:
            stage.model.network.compile()
    if process.rank == 0:
        print(json.dumps(asdict(settings)))
    work = Work(stages, settings, out, device, run.batch_size, masks)
    if alone:
        records = sample_file(work, found[0])
        folder.claim(settings_path, asdict(settings), overwrite=True)
    else:
        journal = folder.Journal(out, process, fresh=run.overwrite)
        records = sample_folder(work, folder.batches(found, run.batch_size), process, journal)
    return outputs.summary(records) if records else "no picture for this process"


def place(run: Run) -> tuple[list[Source], Path, Path]:
    """(inputs, folder of the outputs, file of the settings)."""
    warn = lambda text: print(text, file=sys.stderr)  # noqa: E731
    if run.input.is_dir():
        if run.output.resolve() == run.input.resolve():
            raise InputError(f"found the input folder as OUT: {run.output}: name another")
        found = folder.sources(images.list_images(run.input), run.skip_bad, warn)
        return found, run.output, run.output / folder.SETTINGS
    if not run.input.is_file():
        raise InputError(f"found no picture or folder at {run.input}: check the name")
    source = folder.sources([run.input], False, warn)[0]
    if run.output.suffix.lower() == ".png":
        if run.output.resolve() == run.input.resolve():
            raise InputError(f"found the input as OUT: {run.output}: name another file")
        named = Source(source.path, run.output.stem, source.size)
        return [named], run.output.parent, run.output.with_suffix(".json")
    return [source], run.output, run.output / f"{source.name}.json"


def read_stages(run: Run, device: torch.device) -> tuple[list[Stage], list[Path]]:
    """The models in order, --weights first, and their files.

    Raises:
        InputError: weights that are not there, or --then with a bad number of steps.
    """
    first = checkpoint.find_weights(run.weights)
    stage = partial(Stage, tile=run.tile, overlap=run.overlap, consistent=run.consistent)
    chosen = ("sampler", "steps", "schedule", "eta", "temperature", "spread", "degradation")
    if run.config and first.suffix.lower() not in public_weights.SUFFIXES:
        raise InputError(f"found --config with {first}, wanted it with a public SR3 .pth only")
    model = checkpoint.load_model(first, device, run.config)
    start = starts.find(model, first, run.start, device)
    stages = [stage(model, start=start, **{name: getattr(run, name) for name in chosen})]
    files = [first]
    for text in run.then:
        name, _, steps = text.partition("@")
        if steps and not steps.isdigit():
            raise InputError(f"found --then {text!r}, wanted WEIGHTS or WEIGHTS@STEPS")
        files.append(checkpoint.find_weights(name))
        model = checkpoint.load_model(files[-1], device)
        start = starts.find(model, files[-1], None, device)
        stages.append(stage(model, start=start, steps=int(steps) if steps else None))
    return stages, files


def resolve(run: Run, stages: list[Stage], files: list[Path], device: torch.device) -> Settings:
    """Fill in the models' defaults and refuse what does not fit, before any work.

    Raises:
        InputError: a sampler, schedule, step count or sample count that cannot be.
    """
    if run.num_samples < 1 or run.batch_size < 1:
        raise InputError("found fewer than 1 for --num-samples or --batch-size: wanted 1 or more")
    chain.check(stages, run.consistent)
    described = [
        {"weights": path.name, "sha256": sha256_of_file(path)}
        | public_weights.described(stage.model.spec)
        | stage.resolved()
        | ({"degradation": stage.chosen.text} if stage.chosen.name != DEFAULT else {})
        | {k: getattr(stage, k) for k in ("eta", "tile", "overlap")}
        for stage, path in zip(stages, files, strict=True)
    ]
    plain = ("consistent", "seed", "num_samples", "mean", "compare")
    chosen = precision.resolve(run.precision, device)
    return Settings(described, **{k: getattr(run, k) for k in plain}, precision=chosen)
