"""Kept numbers as tables, by the name that a document gives them.

portraits128/face8x                      the table of a run
portraits128/face8x/pairs                paired differences of its systems, with p
faces-rendered/face8x/groups/psnr        one metric by group, and gains, with p
portraits128/samplers                    a benchmark that is no run of a suite
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bench.metrics.protocol import Metric
from bench.records.finished import FinishedRun, read_finished
from bench.records.measurements import Measurements, Quantity, read_measurements
from bench.typesetting.group_table import group_table, read_breakdowns
from bench.typesetting.latex import escape
from bench.typesetting.paper import suite_table
from bench.typesetting.table import OF_P, Cell, Column, Row, Table, display_cell, p_cell, plain
from sr3.base.errors import InputError

Open = Callable[[str], Table]


def opener(root: Path) -> Open:
    """Finds tables by name under `root`; each is read once."""
    return cache(lambda name: _open(root, name))


def _open(root: Path, name: str) -> Table:
    parts = Path(name).parts
    run = root.joinpath(*parts[:2])
    if len(parts) == 2 and run.with_suffix(".json").is_file():
        return measured(read_measurements(run.with_suffix(".json")), name)
    if not (run / "results.json").is_file():
        raise InputError(f"found no kept run for {name!r} in {root}: keep it with bench.tables")
    match parts[2:]:
        case ():
            return suite_table(read_finished(run))
        case ("pairs",):
            return pairs(read_finished(run))
        case ("groups", metric):
            return group_table(read_breakdowns(run / "groups.json"), metric)
    raise InputError(f"found {name!r}, wanted RUN, RUN/pairs or RUN/groups/METRIC")


def pairs(results: FinishedRun) -> Table:
    """Differences of every two systems, first minus second, a row of p-values under each."""
    names = [(p["a"], p["b"]) for p in next(iter(results.comparisons.values()))["pairs"]]
    found = {
        (metric, p["a"], p["b"]): p
        for metric, ranking in results.comparisons.items()
        for p in ranking["pairs"]
    }
    rows: list[Row] = []
    for a, b in names:
        these = [found.get((metric, a, b)) for metric in results.metrics]
        metrics = results.metrics.values()
        cells = [_difference(p, metric) for p, metric in zip(these, metrics, strict=True)]
        rows.append(Row(f"{a} - {b}", tuple(cells), results.records[0].n))
        p_values = [None if p is None else p["p_holm"] for p in these]
        rows.append(Row(f"{a} - {b}{OF_P}", tuple(map(p_cell, p_values)), None))
    suite = results.records[0].suite
    columns = [_of_metric(name, metric, signed=True) for name, metric in results.metrics.items()]
    return plain(f"Paired differences, {suite}", f"{suite}-pairs", columns, rows)


def measured(found: Measurements, name: str) -> Table:
    """The numbers of a benchmark, all columns."""
    columns = [_of_quantity(key, quantity) for key, quantity in found.columns.items()]
    rows = []
    for label, numbers in found.rows.items():
        cells = []
        for key, quantity in found.columns.items():
            number = numbers.get(key)
            if number is None or number.value is None:
                cells.append(Cell("absent"))
            else:
                cells.append(display_cell(quantity.times, number.value, number.low, number.high))
        rows.append(Row(label, tuple(cells), found.n))
    return plain(found.title, name.replace("/", "-"), columns, rows)


def _difference(pair: Mapping[str, Any] | None, metric: Metric) -> Cell:
    if pair is None:
        return Cell("absent")
    return display_cell(metric.shown_times, pair["difference"], pair["low"], pair["high"])


def _of_metric(name: str, metric: Metric, signed: bool = False) -> Column:
    return Column(
        name, metric.title, metric.latex, metric.unit, metric.direction, metric.decimals,
        metric.shown_times, signed=signed,
    )  # fmt: skip


def _of_quantity(name: str, quantity: Quantity) -> Column:
    return Column(
        name, quantity.title, escape(quantity.title), quantity.unit, "none",
        quantity.decimals, quantity.times, signed=quantity.signed,
    )  # fmt: skip
