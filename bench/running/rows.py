"""The rows of a run: ground truth, our systems, imported folders; each can get its images."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from baselines.foreign.imported import open_import
from baselines.foreign.public import load_public
from baselines.protocol import (
    PACKAGE,
    System,
    SystemOptions,
    UnavailableError,
    load,
)
from bench.base.run_cache import RunCache
from bench.images.hr import ImageSet, Item
from bench.images.outputs import Job, Output, make_outputs
from bench.pretrained.torchvision_guard import import_guarded
from bench.records.record import REFERENCE, Role
from bench.running.config import RunConfig
from bench.running.foreign import Say, examine, pair
from bench.suites.protocol import NamedSuite
from sr3.base.modules import find_module

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Entry:
    """One row before it is measured.

    Attributes:
        outputs: gets the images of given items, made now or found.
        sample: gets the k-th further sample of them (k from 1); None for a system without noise.
        problem: why there are none ("unavailable: ...", "failed: ..."), or "".
    """

    name: str
    role: Role
    source: str
    provenance: Mapping[str, Any] = field(default_factory=dict)
    outputs: Callable[[Sequence[Item], Progress], tuple[Output, ...]] | None = None
    sample: Callable[[Sequence[Item], int, Progress], tuple[Output, ...]] | None = None
    problem: str = ""


def reference(images: ImageSet) -> Entry:
    """HR judged as if it were an output: the floor of every metric."""

    def outputs(items: Sequence[Item], progress: Progress) -> tuple[Output, ...]:
        progress(len(items))
        return tuple(Output(item, item.path, item.sha256) for item in items)

    return Entry(REFERENCE, "reference", f"the HR images of {images.name}", outputs=outputs)


def system(name: str, named: NamedSuite, config: RunConfig, folder: Path, cache: RunCache) -> Entry:
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
    return _running(key, loaded, provenance, named, config, folder, cache)


def imported(
    name: str, named: NamedSuite, config: RunConfig, images: ImageSet, folder: Path, say: Say
) -> Entry:
    """A folder of foreign outputs, seen by the doctor.

    Raises:
        InputError: no such folder, images that do not pair with the suite's, or what the doctor
            refuses and `config.accept` does not name.
    """
    opened = open_import(name, config.imports[name])
    accept = frozenset(config.accept)
    doctor = examine(opened, images, named, accept, folder, say)
    paired = pair(opened, images, named, accept)
    by_stem = {output.item.stem: output for output in paired}

    def outputs(items: Sequence[Item], progress: Progress) -> tuple[Output, ...]:
        progress(len(items))
        return tuple(by_stem[item.stem] for item in items)

    provenance = dict(opened.provenance) | {"doctor": doctor}
    return Entry(name, "imported", opened.citation, provenance, outputs)


def public(name: str, named: NamedSuite, config: RunConfig, folder: Path, cache: RunCache) -> Entry:
    """A public checkpoint, run by spandrel.

    Raises:
        InputError: a file that holds no RGB super-resolution network of the suite's scale.
    """
    path = config.imports[name]
    loaded = load_public(name, path, _options(name, named, config), import_guarded)
    return _running(name, loaded, dict(loaded.provenance), named, config, folder, cache)


def _running(
    key: str,
    loaded: System,
    provenance: Mapping[str, Any],
    named: NamedSuite,
    config: RunConfig,
    folder: Path,
    cache: RunCache,
) -> Entry:
    images = folder / "images" / key
    job = Job(loaded, named.suite, images, config.seed, config.batch_size, config.device)

    def outputs(items: Sequence[Item], progress: Progress) -> tuple[Output, ...]:
        return make_outputs(job, items, cache, progress)

    def sample(items: Sequence[Item], number: int, progress: Progress) -> tuple[Output, ...]:
        further = replace(job, folder=images / f"sample-{number}", sample=number)
        return make_outputs(further, items, cache, progress)

    stochastic = getattr(loaded, "stochastic", True)
    return Entry(key, "system", loaded.source, provenance, outputs, sample if stochastic else None)


def check_name(name: str) -> None:
    """InputError when no system has this name; weights are not looked for."""
    find_module(PACKAGE, name, "system")


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
        schedule=config.schedule,
        temperature=config.temperature,
        spread=config.spread,
        consistent=config.consistent,
        device=config.device,
        precision=config.precision,
    )
