"""From images to values: one pass over the images of all systems, then each system's scores."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from bench.base.run_cache import RunCache
from bench.images.outputs import Output
from bench.measuring.evaluation import Evaluation, Evaluator
from bench.running.making import MadeRow, failed, further_samples, make_share
from bench.running.plan import Plan, Say
from bench.running.row import RunRow
from sr3.base.errors import InputError


@dataclass(frozen=True)
class JudgedRow:
    """A row with its images and what they are worth; neither for a system that did not run."""

    row: RunRow
    outputs: tuple[Output, ...] = ()
    evaluation: Evaluation | None = None


def evaluator_of(planned: Plan, cache: RunCache) -> Evaluator:
    """The metrics of a run, with what they need."""
    return Evaluator(
        planned.named,
        planned.metrics,
        cache,
        planned.folder / "cache",
        planned.config.device,
        planned.config.seed,
        [item.label for item in planned.images.items],
        planned.images.lr,
    )


def judge_images(
    planned: Plan, evaluator: Evaluator, made: Sequence[MadeRow], say: Say
) -> Iterator[JudgedRow]:
    """Look at the images of all systems once, then yield the scores system by system."""
    _see(planned, evaluator, [m.outputs for m in made if m.outputs])
    for row in made:
        yield _judge(planned, evaluator, row, say)


def do_share(planned: Plan, evaluator: Evaluator, rows: Sequence[RunRow]) -> None:
    """Fill the cache for this process's images; what fails here fails again where it is told."""
    samples = planned.config.samples if evaluator.wants_samples else 1
    made = make_share(planned, rows, samples)
    with suppress(Exception):
        _see(planned, evaluator, made)


def _see(planned: Plan, evaluator: Evaluator, systems: Sequence[Sequence[Output]]) -> None:
    with planned.bar("all systems: judging", sum(map(len, systems))) as progress:
        evaluator.see(systems, progress)


def _judge(planned: Plan, evaluator: Evaluator, made: MadeRow, say: Say) -> JudgedRow:
    row, outputs = made.row, made.outputs
    if not outputs:
        return JudgedRow(row)
    hr = [item.sha256 for item in planned.images.items]
    samples = (lambda: list(further_samples(planned, row))) if row.role == "system" else None
    try:
        return JudgedRow(row, outputs, evaluator.evaluate(outputs, hr, samples))
    except InputError:
        raise
    except Exception as error:  # nor must one whose images cannot be judged
        return JudgedRow(failed(row, error, say))
