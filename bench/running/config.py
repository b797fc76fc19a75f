"""What a run is told, resolved: the only thing that the core sees of the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.running.processes import World
from sr3.base.errors import InputError


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
    consistent: bool = False
    batch_size: int = 8
    samples: int = 4
    device: str = "cpu"
    precision: str = "auto"
    out: Path = Path("results/runs")
    imports: Mapping[str, Path] = field(default_factory=dict)
    checkpoints: Mapping[str, Path] = field(default_factory=dict)
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
