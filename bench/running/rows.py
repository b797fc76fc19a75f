"""The rows of a run in the order of its table: ground truth, our systems, foreign ones."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from baselines.protocol import SystemOptions, UnavailableError, load
from bench.base.run_cache import RunCache
from bench.images.hr import Item
from bench.images.outputs import Output
from bench.records.record import REFERENCE
from bench.running.config import Setting
from bench.running.foreign import foreign_row
from bench.running.generated import generated_row
from bench.running.plan import Plan, Say, key_of
from bench.running.row import Progress, RunRow, row_of_system, system_options
from sr3.base.errors import InputError


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
    for name, setting in planned.config.settings.items():
        yield setting_row(name, setting, planned, cache)
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
    return _row_of(name, key, system_options(key, planned), planned, cache)


def setting_row(name: str, setting: Setting, planned: Plan, cache: RunCache) -> RunRow:
    """A system sampled in a way of its own, with the weights given for the row or the system.

    Raises:
        InputError: the system does not depend on what the setting changes.
    """
    key, given = key_of(setting.system), planned.config.checkpoints.get(name)
    options = system_options(key, planned)
    options = replace(options, checkpoint=given or options.checkpoint, **dict(setting.changes))
    row = _row_of(setting.system, name, options, planned, cache)
    unused = [change for change in setting.changes if row.provenance.get(change) is None]
    if unused and not row.problem:
        raise InputError(
            f"found {', '.join(unused)} in --setting {name}, on which system {key} does not "
            "depend: leave it out"
        )
    return row


def _row_of(
    system: str, name: str, options: SystemOptions, planned: Plan, cache: RunCache
) -> RunRow:
    try:
        return row_of_system(name, load(system, options), planned, cache)
    except UnavailableError as error:
        return RunRow(name, "system", "", problem=f"unavailable: {error}")
