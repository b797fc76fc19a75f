"""From rows to images: every system's images are made, or found by their content."""

import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bench.images.outputs import Output
from bench.running.plan import Plan, Say
from bench.running.row import RunRow
from sr3.base.errors import InputError


@dataclass(frozen=True)
class MadeRow:
    """A row with its images; none where it has a problem."""

    row: RunRow
    outputs: tuple[Output, ...] = ()


def make_images(planned: Plan, rows: Sequence[RunRow], say: Say) -> list[MadeRow]:
    """The images of every row; a system that breaks becomes a row that says so.

    Raises:
        InputError: a full disk and its like, which would stop the other rows too.
    """
    return [_make(planned, row, say) for row in rows]


def make_share(planned: Plan, rows: Sequence[RunRow], samples: int) -> list[tuple[Output, ...]]:
    """Images of this process's share; what fails here fails again where it is told."""
    share, made = planned.config.world.share(planned.images.items), []
    for row in rows:
        if row.outputs is None:
            continue
        with suppress(Exception), planned.bar(f"{row.name}: sharing", len(share)) as progress:
            made.append(tuple(planned.config.world.share(row.own)) or row.outputs(share, progress))
            for number in range(1, samples if row.sample else 1):
                assert row.sample is not None
                row.sample(share, number, lambda count: None)
    return made


def further_samples(planned: Plan, row: RunRow) -> Iterator[tuple[Output, ...]]:
    """The second to the K-th sample of every input; none for a system without noise."""
    for number in range(1, planned.config.samples if row.sample else 1):
        assert row.sample is not None
        with planned.bar(f"{row.name}: sample {number + 1}") as progress:
            yield row.sample(planned.images.items, number, progress)


def failed(row: RunRow, error: Exception, say: Say) -> RunRow:
    """The row with one line of what broke and where, for its record."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    problem = f"failed: {type(error).__name__} at {where}: {' '.join(str(error).split())}"
    say(f"{row.name}: {problem}; its finished images stay")
    return replace(row, problem=problem)


def _make(planned: Plan, row: RunRow, say: Say) -> MadeRow:
    if row.outputs is None:
        say(f"{row.name}: {row.problem}")
        return MadeRow(row)
    try:
        with planned.bar(f"{row.name}: making") as progress:
            return MadeRow(row, tuple(row.outputs(planned.images.items, progress)))
    except InputError:
        raise
    except Exception as error:  # a broken system must not take the others with it
        return MadeRow(failed(row, error, say))
