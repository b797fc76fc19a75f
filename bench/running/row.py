"""What a row of a run is, and how a system that runs here becomes one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from baselines.protocol import System, SystemOptions
from bench.base.run_cache import RunCache
from bench.images.hr import Item
from bench.images.outputs import Job, Output, make_outputs
from bench.records.record import Role
from bench.running.plan import Plan

Progress = Callable[[int], None]


@dataclass(frozen=True)
class RunRow:
    """One row before it is measured.

    Attributes:
        outputs: gets the images of given items, made now or found.
        sample: gets the k-th further sample of them (k from 1); None for a system without noise.
        own: its pictures, where they are made from no image of the suite (unpaired suites).
        problem: why there are none ("unavailable: ...", "failed: ..."), or "".
    """

    name: str
    role: Role
    source: str
    provenance: Mapping[str, Any] = field(default_factory=dict)
    outputs: Callable[[Sequence[Item], Progress], tuple[Output, ...]] | None = None
    sample: Callable[[Sequence[Item], int, Progress], tuple[Output, ...]] | None = None
    own: tuple[Output, ...] = ()
    problem: str = ""


def row_of_system(name: str, loaded: System, planned: Plan, cache: RunCache) -> RunRow:
    """The row of a system that makes its images here, or finds them from an earlier run."""
    images, config = planned.folder / "images" / name, planned.config
    provenance = dict(loaded.provenance)
    how = (config.seed, config.batch_size, config.device, planned.images.lr)
    job = Job(loaded, planned.named.suite, images, *how)

    def outputs(items: Sequence[Item], progress: Progress) -> tuple[Output, ...]:
        return make_outputs(job, items, cache, progress)

    def sample(items: Sequence[Item], number: int, progress: Progress) -> tuple[Output, ...]:
        further = replace(job, folder=images / f"sample-{number}", sample=number)
        return make_outputs(further, items, cache, progress)

    stochastic = getattr(loaded, "stochastic", True)
    return RunRow(
        name, "system", loaded.source, provenance, outputs, sample if stochastic else None
    )


def system_options(name: str, planned: Plan) -> SystemOptions:
    """What a run tells the system of a row."""
    suite, config = planned.named.suite, planned.config
    degradation = planned.images.lr.degradation
    return SystemOptions(
        weights=suite.weights,
        scale=suite.scale,
        lr_made_by=planned.images.lr.made_by,
        degradation=degradation.text if degradation is not None else None,
        checkpoint=config.checkpoints.get(name),
        sampler=config.sampler,
        steps=config.steps,
        schedule=config.schedule,
        temperature=config.temperature,
        spread=config.spread,
        start=config.start,
        consistent=config.consistent,
        device=config.device,
        precision=config.precision,
    )
