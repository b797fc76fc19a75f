"""The rows of a run in the order of its table: ground truth, our systems, foreign ones."""

from collections.abc import Iterator, Sequence

from baselines.protocol import UnavailableError, load
from bench.base.run_cache import RunCache
from bench.images.hr import Item
from bench.images.outputs import Output
from bench.records.record import REFERENCE
from bench.running.foreign import foreign_row
from bench.running.generated import generated_row
from bench.running.plan import Plan, Say, key_of
from bench.running.row import Progress, RunRow, row_of_system, system_options


def open_rows(planned: Plan, cache: RunCache, say: Say) -> list[RunRow]:
    """Every row, ready to get its images; one without weights says so in its `problem`.

    Raises:
        InputError: foreign outputs that do not pair with the suite's images or that the doctor
            refuses, or a public checkpoint that does not fit.
    """
    return list(_rows(planned, cache, say))


def _rows(planned: Plan, cache: RunCache, say: Say) -> Iterator[RunRow]:
    if planned.images.items:
        yield ground_truth(planned)
    for name in planned.systems:
        yield own_row(name, planned, cache)
    for name in planned.config.imports:
        if planned.named.suite.unpaired:
            yield generated_row(name, planned, say)
        else:
            yield foreign_row(name, planned, cache, say)


def ground_truth(planned: Plan) -> RunRow:
    """HR judged as if it were an output: the floor of every metric."""

    def outputs(items: Sequence[Item], progress: Progress) -> tuple[Output, ...]:
        progress(len(items))
        return tuple(Output(item, item.path, item.sha256) for item in items)

    source = f"the HR images of {planned.images.name}"
    return RunRow(REFERENCE, "reference", source, outputs=outputs)


def own_row(name: str, planned: Plan, cache: RunCache) -> RunRow:
    """A system of `baselines/`; one without weights becomes a row that says so."""
    key = key_of(name)
    try:
        loaded = load(name, system_options(key, planned))
        return row_of_system(key, loaded, planned, cache)
    except UnavailableError as error:
        return RunRow(key, "system", "", problem=f"unavailable: {error}")
