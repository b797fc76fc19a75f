"""A breakdown by group as a table: a row per group, a column per system, then the gains."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.comparison.groups import Breakdown, Group
from bench.metrics.protocol import Metric, load_metric
from bench.typesetting.latex import escape
from bench.typesetting.table import OF_P, Cell, Column, Row, Table, display_cell, p_cell, plain
from sr3.base.errors import InputError
from sr3.base.files import read_json


def read_breakdowns(path: Path) -> list[Breakdown]:
    """What `groups.json` of a run holds.

    Raises:
        InputError: a missing, damaged or foreign file.
    """
    try:
        return [
            Breakdown(**content | {"groups": tuple(Group(**g) for g in content["groups"])})
            for content in read_json(path)
        ]
    except (KeyError, TypeError) as error:
        raise InputError(f"found no groups in {path} ({error})") from error


def group_table(breakdowns: Sequence[Breakdown], name: str) -> Table:
    """One metric by group; under each attribute a row of its p-values.

    Raises:
        InputError: the run has no such per-image metric.
    """
    chosen = [b for b in breakdowns if b.metric == name]
    if not chosen:
        known = ", ".join(dict.fromkeys(b.metric for b in breakdowns))
        raise InputError(f"found no metric {name} by group, wanted one of {known}")
    metric = load_metric(name)
    shown = list(dict.fromkeys((b.system, b.over) for b in chosen))
    columns = [_column(f"{s} - {over}" if over else s, metric, bool(over)) for s, over in shown]
    rows = [row for found in _by_attribute(chosen, shown) for row in _of_attribute(found, metric)]
    caption = ", ".join(part for part in (f"{metric.title} by group", metric.unit) if part)
    return plain(caption, f"groups-{name}", columns, rows)


def _by_attribute(
    chosen: Sequence[Breakdown], shown: Sequence[tuple[str, str]]
) -> Iterator[list[Breakdown]]:
    """The breakdowns of one attribute after another, in the order of the columns."""
    for attribute in dict.fromkeys(b.attribute for b in chosen):
        found = {(b.system, b.over): b for b in chosen if b.attribute == attribute}
        yield [found[column] for column in shown]


def _of_attribute(found: Sequence[Breakdown], metric: Metric) -> Iterator[Row]:
    attribute = found[0].attribute
    for place, group in enumerate(found[0].groups):
        cells = [_cell(breakdown.groups[place], metric) for breakdown in found]
        yield Row(f"{attribute} {group.level}", tuple(cells), group.n)
    yield Row(f"{attribute}{OF_P}", tuple(p_cell(b.p_holm) for b in found), None)


def _cell(group: Group, metric: Metric) -> Cell:
    return display_cell(metric.shown_times, group.value, group.low, group.high)


def _column(title: str, metric: Metric, signed: bool) -> Column:
    return Column(
        title, title, escape(title), "", "none", metric.decimals, metric.shown_times, signed=signed
    )
