"""A training from what was asked for to its end: data, trainer, folder, logs, loop."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from sr3.base.errors import InputError
from sr3.data.labels import Labelling
from sr3.data.split import Split, open_split
from sr3.machine.options import RunOptions, keep_freed_memory
from sr3.machine.processes import Process, World, choose_device, open_world
from sr3.machine.signals import StopRequest
from sr3.networks import checkpoint
from sr3.networks.precision import has_bf16
from sr3.training import logs
from sr3.training.config import TrainConfig, from_json
from sr3.training.loop import Loop
from sr3.training.run_folder import RunFolder
from sr3.training.trainer import Trainer
from sr3.training.warm_start import initialise


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        data: folders of pictures, of tar shards or of Parquet files.
        out: the run's folder; a state in it is gone on from.
        labelling: where classes come from, for a generator that knows them.
        init_from: weights of the same network to start from.
        teacher: weights to distil, which are also the start.
        device: "auto", "cpu" or "cuda".
        threads: of the CPU in each process; None leaves torch's default.
        loggers: of `logs.KINDS`; log.jsonl is always written.
    """

    config: TrainConfig
    options: RunOptions
    data: list[Path]
    out: Path
    labelling: Labelling | None = None
    init_from: Path | None = None
    teacher: Path | None = None
    device: str = "auto"
    threads: int | None = None
    loggers: tuple[str, ...] = ("tensorboard",)


def train(run: Run) -> int:
    """Train in all processes that torchrun started, or in this one; the exit code."""
    set_up(run)
    run = replace(run, config=as_begun(run.config, run.out))
    process = Process.from_environment()
    with open_world(choose_device(run.device, process), process) as world:
        return train_in(world, run)


def train_in(world: World, run: Run) -> int:
    """Train as one process of `world`; what it makes is gone before the processes part."""
    pictures = open_pictures(run)
    run = replace(run, config=replace(run.config, classes=pictures.classes))
    notes = pictures.bad.share(world)
    if not len(pictures.held_out.pictures):
        raise InputError("found no usable held-out picture: see the pictures passed over")
    trainer = make_trainer(run, world)
    notes += precision_notes(trainer.config, world.device)
    folder = RunFolder(run.out, trainer, pictures.bad, pictures.described)
    start = run.init_from or run.teacher
    if not folder.resume() and start:
        initialise(trainer, start)
    written = begin(run, folder, pictures, notes) if world.main else []
    try:
        with StopRequest() as stop:
            return Loop(folder, pictures, stop, written).run()
    finally:
        for log in written:
            log.close()


def set_up(run: Run) -> None:
    """Process-wide settings of torch and of memory."""
    keep_freed_memory()
    if run.threads:
        torch.set_num_threads(run.threads)
    torch.use_deterministic_algorithms(run.options.deterministic)
    torch.backends.cudnn.benchmark = not run.options.deterministic
    torch.set_float32_matmul_precision("high")


def as_begun(config: TrainConfig, out: Path) -> TrainConfig:
    """`config` with precision "auto" as the run that is in `out`, if any, was begun with."""
    path = out / "config.json"
    if config.precision != "auto" or not path.is_file():
        return config
    try:
        return replace(config, precision=from_json(json.loads(path.read_text())).precision)
    except ValueError as error:
        raise InputError(f"found invalid JSON in {path}: {error}: delete the file") from error


def precision_notes(config: TrainConfig, device: torch.device) -> list[str]:
    """A line when the run is in bf16 on a device that has to emulate it."""
    if config.precision != "bf16" or has_bf16(device):
        return []
    return [
        "slow: the run is in bf16, which this processor emulates; "
        "a new run without precision=bf16 takes fp32 here"
    ]


def open_pictures(run: Run) -> Split:
    """InputError where classes are asked for and not given, or reversed."""
    config = run.config
    if (run.labelling is not None) != config.class_conditional:
        found, wanted = ("--labels", "without") if run.labelling else ("no --labels", "with")
        raise InputError(f"found {found} for a run {wanted} class_conditional, wanted both or none")
    return open_split(
        run.data,
        config.sides[1],
        config.holdout,
        config.max_bad,
        run.options.cache_gib,
        run.labelling,
        config.unlabelled,
    )


def make_trainer(run: Run, world: World) -> Trainer:
    """InputError on a recipe that does not fit the processes or the teacher."""
    try:
        teacher = checkpoint.load_model(run.teacher) if run.teacher else None
        return Trainer(run.config, world, run.options, teacher)
    except ValueError as error:
        raise InputError(str(error)) from error


def begin(run: Run, folder: RunFolder, pictures: Split, notes: list[str]) -> list[logs.Log]:
    """On the main process: note the settings, open the logs, say from where the training goes."""
    trainer, config = folder.trainer, folder.trainer.config.to_json()
    folder.write_settings()
    written = logs.open_logs(list(run.loggers), run.out, trainer.step, config)
    print(json.dumps(config | {"options": run.options.to_json()}, indent=2))
    print(*notes, sep="\n", end="\n" if notes else "")
    held_out = len(pictures.held_out.pictures)
    counts = f"{len(pictures.training.keys)} training and {held_out} held-out"
    print(f"{counts} pictures; {trainer.world.size} processes; at step {trainer.step}", flush=True)
    return written
