"""What a run is told, resolved: the only thing that the core sees of the command line."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.running.processes import World
from sr3.base.errors import InputError

KEYS = ("sampler", "steps", "schedule", "temperature", "spread", "start", "consistent")


@dataclass(frozen=True)
class Setting:
    """A system of the run once more, sampled in another way: a row of its own.

    Attributes:
        system: name or path of a system.
        changes: those of `KEYS` that differ from the run's.
    """

    system: str
    changes: Mapping[str, Any]

    @property
    def text(self) -> str:
        """What `read_setting` reads."""
        told = {k: str(v).lower() if isinstance(v, bool) else v for k, v in self.changes.items()}
        return f"{self.system}:{','.join(f'{key}={value}' for key, value in told.items())}"


def read_setting(text: str) -> Setting:
    """The setting that a text such as `sr3:temperature=0.85,spread=0.65` asks for.

    Raises:
        InputError: another form, an unknown or repeated key, or a value that is none of its kind.
    """
    system, _, rest = text.partition(":")
    parts = re.split(rf",(?=(?:{'|'.join(KEYS)})=)", rest)  # a schedule may hold commas
    changes: dict[str, Any] = {}
    for part in parts:
        key, _, value = part.partition("=")
        if not system or key not in KEYS or not value or key in changes:
            raise InputError(
                f"found {part or text!r} in --setting {text}, wanted SYSTEM:KEY=VALUE,... with "
                f"each KEY once, one of {', '.join(KEYS)}: such as sr3:temperature=0.85,spread=0.65"
            )
        changes[key] = _value(key, value)
    return Setting(system, changes)


def _value(key: str, text: str) -> str | int | float | bool:
    if key in ("sampler", "schedule", "start"):
        return text
    if key == "consistent":
        if text not in ("true", "false"):
            raise InputError(f"found consistent={text} in --setting, wanted true or false")
        return text == "true"
    try:
        value = int(text) if key == "steps" else float(text)
    except ValueError:
        value = 0 if key == "steps" else math.nan
    if not (value >= 1 if key == "steps" else math.isfinite(value)):
        wanted = "a whole number from 1 on" if key == "steps" else "a number"
        raise InputError(f"found {key}={text} in --setting, wanted {wanted}")
    return value


@dataclass(frozen=True)
class RunConfig:
    """Resolved options of `bench.run`.

    Attributes:
        suite: name or path of the suite.
        data, lr: folders of HR, and of LR that is given instead of made.
        systems, metrics: None takes the suite's own.
        imports: folders or manifests of foreign outputs, or public checkpoints, by system name.
        accept: checks of the doctor whose findings about imports are taken knowingly.
        training: folder of the pictures that generators were trained on, for the doctor.
        checkpoints: weights by system name, instead of the shipped ones.
        settings: further rows by name, each a system sampled in its own way.
        device: "cpu" or "cuda", already decided; precision "float32", "bf16", or "auto", which
            `plan` resolves.
        samples: K of the diversity metric.
        world: this process among those that share the images.
        silent: no progress bars.
    """

    suite: str
    data: Path | None = None
    lr: Path | None = None
    systems: Sequence[str] | None = None
    metrics: Sequence[str] | None = None
    limit: int | None = None
    seed: int = 0
    sampler: str | None = None
    steps: int | None = None
    schedule: str | None = None
    temperature: float | None = None
    spread: float | None = None
    start: str | None = None
    consistent: bool = False
    batch_size: int = 8
    samples: int = 4
    device: str = "cpu"
    precision: str = "auto"
    out: Path = Path("results/runs")
    imports: Mapping[str, Path] = field(default_factory=dict)
    checkpoints: Mapping[str, Path] = field(default_factory=dict)
    settings: Mapping[str, Setting] = field(default_factory=dict)
    accept: Sequence[str] = ()
    training: Path | None = None
    world: World = field(default_factory=World)
    silent: bool = False

    @property
    def shows_progress(self) -> bool:
        """Whether this process draws bars."""
        return self.world.is_first and not self.silent

    def to_json(self) -> dict[str, Any]:
        """For `run.json` beside the records."""
        content = asdict(self)
        del content["world"], content["silent"]  # results do not depend on them
        content["settings"] = {name: setting.text for name, setting in self.settings.items()}
        return {key: _plain(value) for key, value in content.items()}


def choose_device(wanted: str, local_rank: int = 0) -> str:
    """A device for `auto`, `cpu` or `cuda`; under torchrun each process takes a GPU of its own.

    Raises:
        InputError: `cuda` without a GPU.
    """
    import torch

    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError("found no CUDA device, wanted one for --device cuda: use --device cpu")
    if wanted == "cpu" or not torch.cuda.is_available():
        return "cpu"
    return f"cuda:{local_rank}" if torch.cuda.device_count() > 1 else "cuda"


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value
