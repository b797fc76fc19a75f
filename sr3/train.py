"""Train a model: `python -m sr3.train RECIPE --data FOLDER --out FOLDER [--set KEY=VALUE]`.

The same command goes on from the last saved step. Writes under --out: config.json, log.jsonl,
tb/ (TensorBoard), samples/, state.safetensors (to resume), ema-*.safetensors (weights by average
width) and, for regression, best.safetensors (peak held-out PSNR).
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.tensorboard.writer import SummaryWriter

from sr3 import checkpoint, data, images
from sr3.config import TrainConfig, build, read_recipe
from sr3.errors import InputError, run_command
from sr3.trainer import StepResult, StopRequest, Trainer, batches, learning_rate_at
from sr3.validate import grid, validate

STOPPED = 75  # exit code after SIGTERM or Ctrl-C with the state saved: run the command again


class Run:
    """The folder of one training run: logs, states, weights."""

    def __init__(self, out: Path, trainer: Trainer, sources: list[dict[str, Any]]) -> None:
        self.out, self.trainer, self.sources = out, trainer, sources
        self.best: dict[str, Any] = {}
        self.seconds = 0.0
        self.state_path = out / "state.safetensors"

    def prepare(self) -> None:
        """Resume from the folder's state, or start it; InputError on another configuration."""
        config = self.trainer.config.to_json()
        if self.state_path.exists():
            saved = checkpoint.read_tensors(self.state_path)
            self._refuse_other(saved.description["config"], json.loads(json.dumps(config)))
            self.trainer.load_state(saved.tensors, saved.description["step"])
            self.best = saved.description["best"]
            self.seconds = saved.description["seconds"]
            self._forget_after(self.trainer.step)
        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        self.writer = SummaryWriter(str(self.out / "tb"), purge_step=self.trainer.step)

    def _refuse_other(self, found: dict[str, Any], wanted: dict[str, Any]) -> None:
        differing = sorted(k for k in wanted if found.get(k) != wanted[k])
        if differing:
            raise InputError(
                f"found a run with other settings in {self.out} "
                f"(differing: {', '.join(differing)}): use the same command, or another --out"
            )

    def _forget_after(self, step: int) -> None:
        """Drop log lines of steps that will be taken again."""
        path = self.out / "log.jsonl"
        if path.exists():
            lines = [x for x in path.read_text().splitlines() if json.loads(x)["step"] <= step]
            path.write_text("".join(x + "\n" for x in lines))

    def log(self, step: int, values: dict[str, float]) -> None:
        with (self.out / "log.jsonl").open("a") as opened:
            opened.write(json.dumps({"step": step} | values) + "\n")
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def provenance(self) -> dict[str, Any]:
        trainer = self.trainer
        return {
            "name": trainer.config.name,
            "step": trainer.step,
            "pictures_seen": trainer.step * trainer.config.batch_size,
            "seconds": round(self.seconds),
            "data": self.sources,
            "config": trainer.config.to_json(),
            "torch": torch.__version__,
            "device": str(trainer.device),
            "threads": torch.get_num_threads(),
        }

    def save(self) -> None:
        """State to resume from, then the averaged weights."""
        trainer = self.trainer
        description = {
            "config": trainer.config.to_json(),
            "step": trainer.step,
            "best": self.best,
            "seconds": self.seconds,
        }
        checkpoint.write_tensors(self.state_path, trainer.state(), description)
        for ema in trainer.ema:
            self.save_weights(f"ema-{ema.sigma_rel:g}.safetensors", ema.weights)

    def save_weights(self, name: str, weights: dict[str, torch.Tensor]) -> None:
        spec = self.trainer.model.spec
        checkpoint.save_model(self.out / name, spec, weights, self.provenance(), half=False)

    def validate(self, hr: torch.Tensor) -> None:
        """Score the first average on the held-out pictures; keep regression's best weights."""
        config, step = self.trainer.config, self.trainer.step
        result = validate(self.trainer.averaged(), hr, config.sample_steps, config.precision)
        self.log(
            step, {"validation/psnr": result.psnr, "validation/consistency": result.consistency}
        )
        picture = grid(hr, result.sr, config.scale)
        images.write_png(self.out / "samples" / f"step-{step:08d}.png", picture)
        self.writer.add_image("validation/samples", picture, step, dataformats="HWC")
        print(f"step {step}: held-out PSNR {result.psnr:.2f} dB, ", end="")
        print(f"consistency {result.consistency * 1e5:.2f}e-5", flush=True)
        if config.task == "regression" and result.psnr > self.best.get("psnr", -1.0):
            self.best = {"psnr": result.psnr, "step": step}
            self.save_weights("best.safetensors", self.trainer.ema[0].weights)


def read_data(
    folders: list[Path], config: TrainConfig
) -> tuple[np.ndarray, torch.Tensor, list[dict[str, Any]]]:
    """(training pictures, held-out pictures in [-1, 1], description of the sources)."""
    side = config.picture_side or config.spec.unet.resolution
    training, held, sources = [], [], []
    for folder in folders:
        kept, out = data.split_holdout(images.list_images(folder), config.holdout)
        training.append(data.load_pictures(kept, side))
        held.append(data.load_pictures(out, side))
        held_names = [p.stem for p in out]
        sources.append({"folder": folder.name, "training": len(kept), "held_out": held_names})
    return np.concatenate(training), images.from_uint8(np.concatenate(held)), sources


def report(run: Run, result: StepResult, rate: float) -> None:
    """One line of progress, and the same values in the log."""
    trainer = run.trainer
    config = trainer.config
    left = (config.steps - trainer.step) * config.batch_size / rate
    run.log(
        trainer.step,
        {
            "train/loss": result.loss,
            "train/gradient_norm": result.gradient_norm,
            "train/learning_rate": learning_rate_at(trainer.step - 1, config),
            "train/images_per_second": rate,
        },
    )
    print(
        f"step {trainer.step}/{config.steps}  loss {result.loss:.4f}  "
        f"{rate:.1f} images/s  {left / 60:.0f} min left",
        flush=True,
    )


def loop(run: Run, pictures: np.ndarray, hr: torch.Tensor, workers: int, log_every: int) -> int:
    """Train to the last step or to a signal; the exit code."""
    trainer, config = run.trainer, run.trainer.config
    stop = StopRequest()
    mark, seen = time.monotonic(), 0
    sampler = data.Positions(trainer.step, config.steps, config.batch_size)
    for positions, hr_batch in zip(
        sampler, batches(pictures, config, trainer.step, workers), strict=True
    ):
        result = trainer.train_step(hr_batch, positions)
        if not np.isfinite(result.loss):
            raise InputError(
                f"found a loss of {result.loss} at step {trainer.step}: lower learning_rate "
                f"and resume from {run.state_path}"
            )
        seen += config.batch_size
        now = time.monotonic()
        if trainer.step % log_every == 0:
            run.seconds += now - mark
            report(run, result, seen / (now - mark))
            mark, seen = time.monotonic(), 0
        last = trainer.step == config.steps
        if trainer.step % config.validate_every == 0 or last:
            run.validate(hr)
            mark, seen = time.monotonic(), 0
        if trainer.step % config.save_every == 0 or last or stop.signal:
            run.save()
        if stop.signal and not last:
            print(f"stopped at step {trainer.step}, saved: run the same command to go on")
            return STOPPED
    return 0


def initialise(trainer: Trainer, path: Path) -> None:
    """Start from the weights of another run of the same network."""
    weights = checkpoint.load_model(path).network.state_dict()
    try:
        trainer.model.network.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(f"found weights of another network in {path}: {error}") from error
    for ema in trainer.ema:
        for name, value in ema.weights.items():
            value.copy_(weights[name])


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sr3.train", description=__doc__)
    parser.add_argument("recipe", help="a shipped recipe or a TOML file")
    parser.add_argument("--data", type=Path, action="append", required=True, metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--init-from", type=Path, metavar="WEIGHTS")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all)")
    parser.add_argument("--workers", type=int, default=0, help="data loading processes")
    parser.add_argument("--log-every", type=int, default=20, metavar="STEPS")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    config = build(read_recipe(args.recipe), args.set)
    if args.threads:
        torch.set_num_threads(args.threads)
    cuda = args.device == "cuda" or (args.device == "auto" and torch.cuda.is_available())
    trainer = Trainer(config, torch.device("cuda" if cuda else "cpu"))
    pictures, hr, sources = read_data(args.data, config)
    run = Run(args.out, trainer, sources)
    run.prepare()
    if args.init_from and trainer.step == 0:
        initialise(trainer, args.init_from)
    print(json.dumps(config.to_json(), indent=2))
    print(f"{len(pictures)} training and {len(hr)} held-out pictures; at step {trainer.step}")
    return loop(run, pictures, hr, args.workers, args.log_every)


if __name__ == "__main__":
    run_command(main)
