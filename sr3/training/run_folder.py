"""The folder of a training run: states to go on from, weights, snapshots, samples.

config.json, options.json   what was asked for
log.jsonl, tb/              numbers
samples/                    held-out pictures at each validation
states/step-*.safetensors   the last few states; the newest readable one is resumed
ema-*.safetensors           averaged weights, one file a width
last.safetensors            the weights themselves, which the paper samples from
best.safetensors            averaged weights of peak held-out PSNR; a generator has none
snapshots/                  averages for `sr3.posthoc`, where the recipe asks for them
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sr3.base.errors import DivergedError, InputError, StorageFullError
from sr3.base.files import write_text
from sr3.data.bad_pictures import BadPictures
from sr3.data.split import HeldOut
from sr3.machine.processes import full
from sr3.networks import checkpoint
from sr3.optimization.averages import Ema
from sr3.pictures import images
from sr3.training import generator_check
from sr3.training.config import TrainConfig, from_json
from sr3.training.monitor import Guard
from sr3.training.trainer import Trainer
from sr3.training.validation import grid, validate

MAX_TRIES = 3
LEGACY_STATE = "state.safetensors"  # the one state of format version 1


@dataclass
class Progress:
    """What a state remembers beside tensors.

    Attributes:
        skipped: batches of the data order that were left out by rollbacks before this step.
        rollbacks: how many there were.
        best: {"psnr", "step"} of best.safetensors, or empty.
        seconds: spent training.
    """

    skipped: int = 0
    rollbacks: int = 0
    best: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


class RunFolder:
    """Saves and restores one run; only the main process writes."""

    def __init__(
        self, out: Path, trainer: Trainer, bad: BadPictures, sources: list[dict[str, Any]]
    ) -> None:
        self.out, self.trainer, self.bad, self.sources = out, trainer, bad, sources
        self.progress = Progress()
        self.guard = Guard(trainer.config.spike)
        self.tries = 0  # rollbacks since the last state was written
        self.states = out / "states"
        self._since = time.monotonic()

    def resume(self) -> bool:
        """Go on from the newest readable state, if any; InputError on another configuration."""
        for path in self._newest_first():
            try:
                saved = checkpoint.read_tensors(path)
            except InputError as error:
                print(f"passed over a damaged state: {error}", flush=True)
                continue
            self._refuse_other(from_json(saved.description["config"]))
            self._restore(saved)
            return True
        return False

    def _newest_first(self) -> list[Path]:
        found = sorted(self.states.glob("step-*.safetensors"), reverse=True)
        legacy = self.out / LEGACY_STATE
        return [*found, legacy] if legacy.exists() else found

    def _refuse_other(self, found: TrainConfig) -> None:
        a, b = found.to_json(), self.trainer.config.to_json()
        differing = sorted(k for k in b if a[k] != b[k])
        if differing:
            raise InputError(
                f"found a run with other settings in {self.out} "
                f"(differing: {', '.join(differing)}): use the same command, or another --out"
            )

    def _restore(self, saved: checkpoint.Checkpoint) -> None:
        described = saved.description
        self.trainer.load_state(saved.tensors, described["step"])
        names = Progress.__dataclass_fields__
        self.progress = Progress(**{k: v for k, v in described.items() if k in names})
        self.guard.losses.clear()
        self.guard.losses.extend(described.get("losses", []))
        self.bad.reasons |= described.get("unusable", {})

    def write_settings(self) -> None:
        """config.json and options.json, beside the output; tidy up after a killed writer."""
        for name, value in (
            ("config.json", self.trainer.config.to_json()),
            ("options.json", self.trainer.options.to_json()),
        ):
            write_text(self.out / name, json.dumps(value, indent=2) + "\n")
        for folder in (self.out, self.states):
            for aside in folder.glob(".*.tmp"):
                aside.unlink()

    def provenance(self) -> dict[str, Any]:
        trainer = self.trainer
        return {
            "name": trainer.config.name,
            "step": trainer.step,
            "pictures_seen": trainer.step * trainer.config.batch_size,
            "seconds": round(self.progress.seconds),
            "data": self.sources,
            "config": trainer.config.to_json(),
            "options": trainer.options.to_json(),
            "processes": trainer.world.size,
            "torch": torch.__version__,
            "device": str(trainer.device),
            "threads": torch.get_num_threads(),
        }

    def save(self) -> None:
        """The state to go on from, then the averaged weights; all processes together.

        Raises:
            StorageFullError: on every process; the states from before are whole.
        """
        now = time.monotonic()
        self.progress.seconds += now - self._since
        self._since = now
        step, tensors = self.trainer.step, self.trainer.state()
        self._on_main(lambda: self._write_state(step, tensors))
        self.tries = 0
        for ema in self.trainer.ema:
            self.save_ema(self.out / f"{ema.name}.safetensors", ema, half=False)
        last = dict(self.trainer.network.named_parameters())
        self.save_weights(self.out / "last.safetensors", last, 0.0, half=False)

    def _write_state(self, step: int, tensors: dict[str, Tensor]) -> None:
        path = self.states / f"step-{step:08d}.safetensors"
        described = {
            "config": self.trainer.config.to_json(),
            "step": step,
            **vars(self.progress),
            "losses": list(self.guard.losses),
            "unusable": self.bad.reasons,
            "sources": self.sources,
        }
        try:
            checkpoint.write_tensors(path, tensors, described)
        except StorageFullError:
            self._keep_states(1)  # room for one more try; the newest stays until it is replaced
            checkpoint.write_tensors(path, tensors, described)
        self._keep_states(self.trainer.options.keep)

    def _keep_states(self, count: int) -> None:
        for old in sorted(self.states.glob("step-*.safetensors"), reverse=True)[max(1, count) :]:
            old.unlink()

    def _on_main(self, write: Any) -> None:
        """Run `write` on the main process; if it fails, every process raises."""
        error: StorageFullError | None = None
        if self.trainer.world.main:
            try:
                write()
            except StorageFullError as found:
                error = found
        if self.trainer.world.any(error is not None):
            raise error or StorageFullError("the main process could not write its files")

    def save_ema(self, path: Path, ema: Ema, half: bool) -> None:
        self.save_weights(path, ema.weights, ema.sigma_rel, half)

    def save_weights(
        self, path: Path, sharded: Mapping[str, Tensor], sigma_rel: float, half: bool
    ) -> None:
        """Weights averaged with width `sigma_rel` (0: not averaged), whole, with provenance."""
        spec = self.trainer.model.spec
        weights = {name: full(w.detach()) for name, w in sharded.items()}
        provenance = self.provenance() | {"sigma_rel": sigma_rel}
        self._on_main(lambda: checkpoint.save_model(path, spec, weights, provenance, half))

    def snapshot(self) -> None:
        """Copies of all averages in half precision, for `sr3.posthoc`."""
        for ema in self.trainer.ema:
            name = f"{ema.name}-step-{self.trainer.step:08d}.safetensors"
            self.save_ema(self.out / "snapshots" / name, ema, half=True)

    def validate(self, held_out: HeldOut) -> tuple[dict[str, float], Any]:
        """Score the first average on the held-out pictures; (values, the sample grid)."""
        if self.trainer.config.task == "generator":
            values, picture = self._check_generator(held_out)
        else:
            values, picture = self._restore_held_out(held_out.pictures)
        if self.trainer.world.main:
            name = f"step-{self.trainer.step:08d}.png"
            images.write_png(self.out / "samples" / name, picture)
        return values, picture

    def _check_generator(self, held_out: HeldOut) -> tuple[dict[str, float], Any]:
        config, model, world = self.trainer.config, self.trainer.averaged(), self.trainer.world
        values = {"validation/loss": generator_check.loss(model, held_out, config, world)}
        return values, generator_check.samples(model, config) if world.main else None

    def _restore_held_out(self, hr: Tensor) -> tuple[dict[str, float], Any]:
        config, step = self.trainer.config, self.trainer.step
        model = self.trainer.averaged()
        result = validate(
            model, hr, config.sample_steps, config.precision, world=self.trainer.world
        )
        if result.psnr > self.progress.best.get("psnr", -1.0):
            self.progress.best = {"psnr": result.psnr, "step": step}
            self.save_ema(self.out / "best.safetensors", self.trainer.ema[0], half=False)
        values = {"validation/psnr": result.psnr}
        if result.consistency is not None:
            values["validation/consistency"] = result.consistency
        return values, grid(hr, result.sr, config.degraded)

    def roll_back(self, bad_step: int) -> None:
        """Return to the last state and leave out the batches up to that of `bad_step`.

        Raises:
            DivergedError: it did not help several times.
        """
        before, count = self.progress.skipped, self.progress.rollbacks
        self.tries += 1
        if self.tries > MAX_TRIES:
            raise DivergedError(
                f"found {self.tries} blow-ups after step {self.trainer.step} of {self.out}: lower "
                "learning_rate or clip and go on from its averages with --init-from"
            )
        if not self.resume():
            raise DivergedError(f"found no state in {self.states} to roll back to")
        self.progress.skipped = before + bad_step - self.trainer.step
        self.progress.rollbacks = count + 1
