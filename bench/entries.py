"""The rows of a run: ground truth, our systems, imported folders; each can get its images."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from baselines.registry import (
    NOT_SYSTEMS,
    PACKAGE,
    SystemOptions,
    UnavailableError,
    find_module,
    load,
)
from bench.config import RunConfig
from bench.dataset import ImageSet, Item
from bench.layout import REFERENCE
from bench.outputs import Job, Output, make_outputs
from bench.records import Role
from bench.store import Store
from bench.suite import NamedSuite

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Entry:
    """One row before it is measured.

    Attributes:
        outputs: gets the images of given items, made now or found.
        problem: why there are none ("unavailable: ...", "failed: ..."), or "".
    """

    name: str
    role: Role
    source: str
    provenance: Mapping[str, Any] = field(default_factory=dict)
    outputs: Callable[[Sequence[Item], Progress], tuple[Output, ...]] | None = None
    problem: str = ""


def reference(images: ImageSet) -> Entry:
    """HR judged as if it were an output: the floor of every metric."""

    def outputs(items: Sequence[Item], progress: Progress) -> tuple[Output, ...]:
        progress(len(items))
        return tuple(Output(item, item.path, item.sha256) for item in items)

    return Entry(REFERENCE, "reference", f"the HR images of {images.name}", outputs=outputs)


def system(name: str, named: NamedSuite, config: RunConfig, folder: Path, store: Store) -> Entry:
    """A system of `baselines/`; one without weights becomes a row that says so.

    Raises:
        InputError: an unknown name.
    """
    key = Path(name).stem if name.endswith(".py") else name
    try:
        loaded = load(name, _options(key, named, config))
        provenance = dict(loaded.provenance)
    except UnavailableError as error:
        return Entry(key, "system", "", problem=f"unavailable: {error}")
    job = Job(
        loaded, named.suite, folder / "images" / key, config.seed, config.batch_size, config.device
    )  # fmt: skip

    def outputs(items: Sequence[Item], progress: Progress) -> tuple[Output, ...]:
        return make_outputs(job, items, store, progress)

    return Entry(key, "system", loaded.source, provenance, outputs)


def check_name(name: str) -> None:
    """InputError when no system has this name; weights are not looked for."""
    find_module(PACKAGE, name, "system", NOT_SYSTEMS)


def describe_failure(error: Exception) -> str:
    """One line of what broke and where, for the record of a crashed system."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    return f"failed: {type(error).__name__} at {where}: {' '.join(str(error).split())}"


def _options(key: str, named: NamedSuite, config: RunConfig) -> SystemOptions:
    return SystemOptions(
        weights=named.suite.weights,
        scale=named.suite.scale,
        checkpoint=config.checkpoints.get(key),
        sampler=config.sampler,
        steps=config.steps,
        consistent=config.consistent,
        device=config.device,
        precision=config.precision,
    )
