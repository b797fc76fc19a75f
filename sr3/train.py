"""Train a model: `python -m sr3.train RECIPE --data PATH --out FOLDER [--set KEY=VALUE]`.

The same command goes on from the last saved state. RECIPE is a shipped one or a TOML file; PATH is
a folder of pictures, of tar shards or of Parquet files. For several processes put `torchrun
--nproc-per-node N -m sr3.train` in place of `python -m sr3.train`. Exit codes: 0 done, 2 bad input,
74 disk full, 75 stopped by a signal with the state saved, 76 training diverged.
"""

import argparse
import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, Self

import numpy as np
import torch

from sr3.base.errors import InputError, run_command
from sr3.data import labels, sources
from sr3.data.examples import Batch, Positions, Preloaded, TrainingPictures, loader, read_square
from sr3.networks import checkpoint
from sr3.networks.precision import has_bf16
from sr3.pictures import images
from sr3.training import logs
from sr3.training.config import TrainConfig, build, from_json, read_recipe
from sr3.training.generator_check import HeldOut
from sr3.training.monitor import BadPictures, Complaint, Monitor
from sr3.training.options import RunOptions, keep_freed_memory
from sr3.training.processes import World, choose_device, fill, open_world
from sr3.training.run_folder import RunFolder
from sr3.training.trainer import Trainer, learning_rate_at
from sr3.training.validation import in_words

STOPPED = 75  # exit code after SIGTERM or Ctrl-C with the state saved: run the command again


class StopRequest:
    """Turns SIGTERM and SIGINT into a flag that the loop reads between steps."""

    def __init__(self) -> None:
        self.noted = False

    def __enter__(self) -> Self:
        numbers = (signal.SIGTERM, signal.SIGINT)
        self._before = {number: signal.signal(number, self._note) for number in numbers}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.noted:
            raise KeyboardInterrupt
        self.noted = True


@dataclass(frozen=True)
class Pictures:
    """What a run trains on and is checked with."""

    training: sources.Pictures
    held_out: HeldOut
    described: list[dict[str, Any]]
    bad: BadPictures
    labels: list[int] | None
    classes: tuple[str, ...]


def read_data(
    paths: list[Path],
    config: TrainConfig,
    options: RunOptions,
    labelling: labels.Labelling | None = None,
) -> Pictures:
    """Open every source, split off its held-out pictures and read what fits in memory."""
    side = config.sides[1]
    split = [sources.split_holdout(sources.open_source(p), config.holdout) for p in paths]
    training: sources.Pictures = sources.Joined([kept for kept, _ in split])
    bad = BadPictures(config.max_bad, len(training.keys) + config.holdout * len(paths))
    if len(training.keys) * side * side * 3 <= options.cache_gib * 2**30:
        preloaded = Preloaded(training, side)
        bad.note([(training.keys[i], reason) for i, reason in preloaded.bad.items()])
        training = preloaded
    named = labels.of_split(labelling, split, config.unlabelled)
    held, usable = zip(*[read_held_out(out, side, bad) for _, out in split], strict=True)
    told = None if labelling is None else torch.from_numpy(named.held_out[np.concatenate(usable)])
    held_out = HeldOut(images.from_uint8(np.concatenate(held)), told)
    described = [
        {"source": path.name, "training": len(kept.keys), "held_out": list(out.keys)}
        for path, (kept, out) in zip(paths, split, strict=True)
    ]
    return Pictures(training, held_out, described, bad, named.training, named.classes)


def read_held_out(
    source: sources.Source, side: int, bad: BadPictures
) -> tuple[np.ndarray, np.ndarray]:
    """The usable pictures (N, side, side, 3) of a source and which they are; the rest is noted."""
    pictures, usable = [], np.zeros(len(source.keys), bool)
    for index, key in enumerate(source.keys):
        try:
            pictures.append(read_square(source, index, side))
            usable[index] = True
        except InputError as error:
            bad.note([(f"{source.name}/{key}", str(error))])
    return np.stack(pictures) if pictures else np.empty((0, side, side, 3), np.uint8), usable


class Loop:
    """Trains to the last step or to a signal."""

    def __init__(
        self, folder: RunFolder, pictures: Pictures, stop: StopRequest, written: list[logs.Log]
    ) -> None:
        self.folder, self.pictures, self.stop, self.logs = folder, pictures, stop, written
        self.trainer, self.config = folder.trainer, folder.trainer.config
        self.options, self.world = folder.trainer.options, folder.trainer.world
        self.monitor = Monitor(self.world, folder.guard)
        on_cpu = self.world.device.type == "cpu"
        self.check_every = self.options.check_every or (1 if on_cpu else 10)

    def run(self) -> int:
        """The exit code."""
        if self.trainer.step == 0:
            self.folder.save()  # a full disk shows now, and a rollback has where to go
        while self.trainer.step < self.config.steps:
            for batch in self.batches():
                self.monitor.add(self.trainer.step + 1, self.trainer.train_step(batch))
                self.pictures.bad.note(batch.bad)
                if not self._due(self.check_every, self.options.log_every, *self._stations()):
                    continue
                if complaint := self.monitor.look():
                    self.roll_back(complaint)
                    break
                if self.after_check():
                    return STOPPED
        return 0

    def batches(self) -> Iterator[Batch]:
        """From the next step to the last, leaving out what rollbacks skipped."""
        config, skipped = self.config, self.folder.progress.skipped
        data = TrainingPictures(
            self.pictures.training,
            *config.sides,
            config.augmentation,
            config.seed,
            self.pictures.labels,
        )
        positions = Positions(
            self.trainer.step + skipped,
            config.steps + skipped,
            config.batch_size,
            self.world.rank,
            self.world.size,
        )
        pin = self.world.device.type == "cuda"
        return iter(loader(data, positions, self.options.workers, self.options.prefetch, pin))

    def _stations(self) -> tuple[int, int, int]:
        return self.config.validate_every, self.config.save_every, self.config.snapshot_every

    def _due(self, *every: int) -> bool:
        step = self.trainer.step
        return step == self.config.steps or any(n and step % n == 0 for n in every)

    def after_check(self) -> bool:
        """Report, validate and save where it is due; whether to stop here."""
        for line in self.pictures.bad.share(self.world):
            self.say(line)
        stopping = self.world.any(self.stop.noted) and self.trainer.step < self.config.steps
        if self._due(self.options.log_every):
            self.report()
        if self._due(self.config.validate_every):
            self.validate()
        if self.config.snapshot_every and self._due(self.config.snapshot_every):
            self.folder.snapshot()
        if self._due(self.config.save_every) or stopping:
            self.folder.save()
            self.monitor.forget()
        if stopping:
            self.say(f"stopped at step {self.trainer.step}, saved: run the same command to go on")
        return stopping

    def roll_back(self, complaint: Complaint) -> None:
        self.folder.roll_back(complaint.step)
        self.monitor.forget()
        self.say(
            f"step {complaint.step}: {complaint.reason}; back to step {self.trainer.step}, "
            f"leaving out {complaint.step - self.trainer.step} batches"
        )

    def report(self) -> None:
        """One line of progress, and the same values in the logs."""
        step, config = self.trainer.step, self.config
        values = self.monitor.values(config.batch_size)
        values["train/learning_rate"] = learning_rate_at(step - 1, config)
        values["train/unusable_pictures"] = len(self.pictures.bad.reasons)
        values["train/rollbacks"] = self.folder.progress.rollbacks
        rate = values["train/images_per_second"]
        left = (config.steps - step) * config.batch_size / rate
        self.monitor.forget()
        self.write(step, values)
        self.say(
            f"step {step}/{config.steps}  loss {values['train/loss']:.4f}  "
            f"{rate:.1f} images/s  {left / 60:.0f} min left"
        )

    def validate(self) -> None:
        step = self.trainer.step
        values, picture = self.folder.validate(self.pictures.held_out)
        self.write(step, values)
        for log in self.logs:
            log.picture(step, "validation/samples", picture)
        self.say(f"step {step}: {in_words(values)}")
        self.monitor.forget()

    def write(self, step: int, values: dict[str, float]) -> None:
        for log in self.logs:
            log.scalars(step, values)

    def say(self, line: str) -> None:
        if self.world.main:
            print(line, flush=True)


def initialise(trainer: Trainer, path: Path) -> None:
    """Start from the weights of another run of the same network."""
    weights = checkpoint.load_model(path).network.state_dict()
    own = dict(trainer.network.named_parameters())
    if {n: w.shape for n, w in weights.items()} != {n: w.shape for n, w in own.items()}:
        raise InputError(
            f"found weights of another network in {path}, wanted {trainer.config.preset}"
        )
    for name, value in weights.items():
        fill(own[name], value)
        for ema in trainer.ema:
            fill(ema.weights[name], value)


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sr3.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = RunOptions()
    parser.add_argument("recipe", nargs="?", help="a shipped recipe or a TOML file")
    parser.add_argument("--config", metavar="RECIPE", help="the same, as an option")
    parser.add_argument("--data", type=Path, action="append", required=True, metavar="PATH")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--labels", metavar="FILE", help="classes: JSONL, CSV, folder or wordnet")
    parser.add_argument("--label-column", action="append", default=[], metavar="NAME")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--init-from", type=Path, metavar="WEIGHTS")
    parser.add_argument("--teacher", type=Path, metavar="WEIGHTS", help="to distil; also the start")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, help="CPU threads of each process")
    parser.add_argument("--logger", action="append", choices=(*logs.KINDS, "none"))
    add = parser.add_argument_group("machine", "what changes speed and memory only").add_argument
    add("--micro-batch", type=int, default=default.micro_batch, metavar="PICTURES")
    add("--strategy", choices=("ddp", "fsdp"), default=default.strategy)
    add("--recompute", action="store_true", help="activation checkpointing")
    add("--compile", choices=("off", "on", "cudagraphs"), default=default.compile)
    add("--no-channels-last", dest="channels_last", action="store_false")
    add("--no-fused", dest="fused", action="store_false", help="unfused optimiser")
    add("--workers", type=int, default=default.workers, help="processes that read pictures")
    add("--prefetch", type=int, default=default.prefetch, help="batches each reads ahead")
    add("--cache-gib", type=float, default=default.cache_gib, help="of decoded pictures in memory")
    add("--deterministic", action="store_true", help="bit-exact sums on a GPU too")
    add("--keep", type=int, default=default.keep, help="states that stay on disk")
    add("--log-every", type=int, default=default.log_every, metavar="STEPS")
    add("--check-every", type=int, default=default.check_every, metavar="STEPS")
    return parser.parse_args(argv)


def options_of(args: argparse.Namespace) -> RunOptions:
    values = {name: getattr(args, name) for name in RunOptions.__dataclass_fields__}
    for name in ("log_every", "keep"):
        if values[name] < 1:
            raise InputError(f"found --{name.replace('_', '-')} {values[name]}, wanted at least 1")
    for name in ("workers", "micro_batch", "check_every"):
        if values[name] < 0:
            raise InputError(f"found --{name.replace('_', '-')} {values[name]}, wanted 0 or more")
    return RunOptions(**values)


def labelling_of(args: argparse.Namespace, config: TrainConfig) -> labels.Labelling | None:
    """Where classes come from; InputError where they are asked for and not given, or reversed."""
    if bool(args.labels) != config.class_conditional:
        found, wanted = ("--labels", "without") if args.labels else ("no --labels", "with")
        raise InputError(f"found {found} for a run {wanted} class_conditional, wanted both or none")
    return labels.Labelling(args.labels, tuple(args.label_column)) if args.labels else None


def set_up(args: argparse.Namespace) -> None:
    """Process-wide settings of torch and of memory."""
    keep_freed_memory()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(args.deterministic)
    torch.backends.cudnn.benchmark = not args.deterministic
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


def train(args: argparse.Namespace, config: TrainConfig, world: World) -> int:
    """One process of a run."""
    options, config = options_of(args), as_begun(config, args.out)
    labelling = labelling_of(args, config)
    pictures = read_data(args.data, config, options, labelling)
    config = replace(config, classes=pictures.classes)
    notes = pictures.bad.share(world)
    if not len(pictures.held_out.pictures):
        raise InputError("found no usable held-out picture: see the pictures passed over")
    try:
        teacher = checkpoint.load_model(args.teacher) if args.teacher else None
        trainer = Trainer(config, world, options, teacher)
        notes += precision_notes(trainer.config, world.device)
    except ValueError as error:
        raise InputError(str(error)) from error
    folder = RunFolder(args.out, trainer, pictures.bad, pictures.described)
    resumed = folder.resume()
    start = args.init_from or args.teacher
    if start and not resumed:
        initialise(trainer, start)
    written: list[logs.Log] = []
    if world.main:
        folder.write_settings()
        written = logs.open_logs(
            args.logger or ["tensorboard"], args.out, trainer.step, config.to_json()
        )
        print(json.dumps(config.to_json() | {"options": options.to_json()}, indent=2))
        print(*notes, sep="\n", end="\n" if notes else "")
        counts = (
            f"{len(pictures.training.keys)} training and {len(pictures.held_out.pictures)} held-out"
        )
        print(f"{counts} pictures; {world.size} processes; at step {trainer.step}", flush=True)
    try:
        with StopRequest() as stop:
            return Loop(folder, pictures, stop, written).run()
    finally:
        for log in written:
            log.close()


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    if bool(args.recipe) == bool(args.config):
        raise InputError("found no recipe or two, wanted one: as the first argument or --config")
    config = build(read_recipe(args.recipe or args.config), args.set)
    set_up(args)
    with open_world(choose_device(args.device)) as world:
        return train(args, config, world)


if __name__ == "__main__":
    run_command(main)
