"""Where a run's numbers and pictures go: JSON lines always, TensorBoard, Weights & Biases."""

import csv
import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from sr3.base.errors import InputError

KINDS = ("tensorboard", "wandb")


class Log(Protocol):
    """Takes values and pictures of a step."""

    def scalars(self, step: int, values: dict[str, float]) -> None: ...

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Pixels (H, W, 3) uint8."""
        ...

    def close(self) -> None: ...


class JsonLines:
    """One line a step in `log.jsonl`; pictures go to `samples/` by other hands."""

    def __init__(self, folder: Path, first_step: int) -> None:
        self.path = folder / "log.jsonl"
        if self.path.exists():
            kept = [x for x in self.path.read_text().splitlines() if _step_of(x) <= first_step]
            self.path.write_text("".join(line + "\n" for line in kept))

    def scalars(self, step: int, values: dict[str, float]) -> None:
        with self.path.open("a") as opened:
            opened.write(json.dumps({"step": step} | values) + "\n")

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None: ...

    def close(self) -> None: ...


def _step_of(line: str) -> float:
    """The step of a line; a line that a kill cut short counts as never written."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError):
        return float("inf")


class TensorBoard:
    """Event files in `tb/`; steps that will be taken again are purged."""

    def __init__(self, folder: Path, first_step: int) -> None:
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError as error:
            raise InputError("found no tensorboard: install it or add `--logger none`") from error
        self.writer = SummaryWriter(str(folder / "tb"), purge_step=first_step + 1)

    def scalars(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None:
        self.writer.add_image(name, pixels, step, dataformats="HWC")

    def close(self) -> None:
        self.writer.close()


class Wandb:
    """A run of Weights & Biases, named and resumed by the folder's own id."""

    def __init__(self, folder: Path, first_step: int, config: dict[str, Any]) -> None:
        try:
            import wandb  # type: ignore[import-not-found]
        except ImportError as error:
            raise InputError(
                "found no wandb: `pip install wandb` or drop `--logger wandb`"
            ) from error
        stored = folder / "wandb-id"
        if not stored.exists():
            stored.write_text(wandb.util.generate_id())
        self.wandb = wandb
        self.run = wandb.init(
            project="sr3bench",
            name=config["name"],
            id=stored.read_text().strip(),
            resume="allow",
            config=config,
            dir=str(folder),
        )

    def scalars(self, step: int, values: dict[str, float]) -> None:
        self.run.log(values, step=step)

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None:
        self.run.log({name: self.wandb.Image(pixels)}, step=step)

    def close(self) -> None:
        self.run.finish()


def open_logs(kinds: list[str], folder: Path, first_step: int, config: dict[str, Any]) -> list[Log]:
    """The logs of a run that goes on after `first_step`."""
    folder.mkdir(parents=True, exist_ok=True)
    logs: list[Log] = [JsonLines(folder, first_step)]
    if "tensorboard" in kinds:
        logs.append(TensorBoard(folder, first_step))
    if "wandb" in kinds:
        logs.append(Wandb(folder, first_step, config))
    return logs


def write_curves(run: Path, out: Path) -> None:
    """The run's log.jsonl as CSV, one row per logged step and value."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["step", "name", "value"])
        for line in lines:
            step = line.pop("step")
            writer.writerows([step, name, f"{value:.6g}"] for name, value in line.items())
