"""Kept numbers as tables, by the name that a document gives them.

portraits128/face8x                      the table of a run
portraits128/face8x/pairs                paired differences of its systems, with p
faces-rendered/face8x/groups/psnr        one metric by group, and gains, with p
portraits128/samplers                    a benchmark that is no run of a suite
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from bench.metrics.protocol import Metric, load_metric
from bench.records.finished import Results, read_results
from bench.records.measurements import Measurements, Quantity, read_measurements
from bench.typesetting.latex import escape
from bench.typesetting.layout import Cell, Column, Row, Section, Table, build
from sr3.base.errors import InputError
from sr3.base.files import read_json

OF_P = " p"  # ends the name of a row of p-values
DIGITS_OF_P = 2

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
            results = read_results(run)
            return build(results.records, results.metrics, results.comparisons, None)
        case ("pairs",):
            return pairs(read_results(run))
        case ("groups", metric):
            return groups(read_json(run / "groups.json"), metric)
    raise InputError(f"found {name!r}, wanted RUN, RUN/pairs or RUN/groups/METRIC")


def pairs(results: Results) -> Table:
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
        rows.append(Row(f"{a} - {b}{OF_P}", tuple(map(_p_value, p_values)), None))
    suite = results.records[0].suite
    columns = [_of_metric(name, metric, signed=True) for name, metric in results.metrics.items()]
    return _table(f"Paired differences, {suite}", f"{suite}-pairs", columns, rows)


def groups(breakdowns: Sequence[Mapping[str, Any]], name: str) -> Table:
    """One metric by group: a column per system, then the gains; a row of p-values per attribute.

    Args:
        breakdowns: content of `groups.json`.

    Raises:
        InputError: the run has no such per-image metric.
    """
    chosen = [b for b in breakdowns if b["metric"] == name]
    if not chosen:
        known = ", ".join(dict.fromkeys(b["metric"] for b in breakdowns))
        raise InputError(f"found no metric {name} by group, wanted one of {known}")
    metric = load_metric(name)
    shown = list(dict.fromkeys((b["system"], b["over"]) for b in chosen))
    columns = [
        Column(
            title,
            title,
            escape(title),
            "",
            "none",
            metric.decimals,
            metric.shown_times,
            signed=gain,
        )
        for title, gain in ((f"{s} - {over}" if over else s, bool(over)) for s, over in shown)
    ]
    rows = [row for found in _by_attribute(chosen, shown) for row in _of_attribute(found, metric)]
    caption = ", ".join(filter(None, (f"{metric.title} by group", metric.unit)))
    return _table(caption, f"groups-{name}", columns, rows)


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
                cells.append(_filled(quantity.times, number.value, number.low, number.high))
        rows.append(Row(label, tuple(cells), found.n))
    return _table(found.title, name.replace("/", "-"), columns, rows)


def _by_attribute(
    chosen: Sequence[Mapping[str, Any]], shown: Sequence[tuple[str, str]]
) -> Iterator[list[Mapping[str, Any]]]:
    """The breakdowns of one attribute after another, in the order of the columns."""
    for attribute in dict.fromkeys(b["attribute"] for b in chosen):
        found = {(b["system"], b["over"]): b for b in chosen if b["attribute"] == attribute}
        yield [found[column] for column in shown]


def _of_attribute(found: Sequence[Mapping[str, Any]], metric: Metric) -> Iterator[Row]:
    attribute = found[0]["attribute"]
    for place, group in enumerate(found[0]["groups"]):
        cells = []
        for breakdown in found:
            same = breakdown["groups"][place]
            cells.append(_filled(metric.shown_times, same["value"], same["low"], same["high"]))
        yield Row(f"{attribute} {group['level']}", tuple(cells), group["n"])
    yield Row(f"{attribute}{OF_P}", tuple(_p_value(b["p_holm"]) for b in found), None)


def _difference(pair: Mapping[str, Any] | None, metric: Metric) -> Cell:
    if pair is None:
        return Cell("absent")
    return _filled(metric.shown_times, pair["difference"], pair["low"], pair["high"])


def _p_value(p: float | None) -> Cell:
    """A p-value with two digits that count."""
    if p is None:
        return Cell("absent")
    decimals = DIGITS_OF_P - 1 - math.floor(math.log10(p)) if p > 0 else DIGITS_OF_P
    return Cell("ok", p, decimals=max(decimals, DIGITS_OF_P))


def _filled(times: float, value: float, low: float | None, high: float | None) -> Cell:
    low, high = (None if bound is None else bound * times for bound in (low, high))
    return Cell("ok", value * times, low, high)


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


def _table(caption: str, label: str, columns: Sequence[Column], rows: Sequence[Row]) -> Table:
    return Table(caption, f"tab:{label}", tuple(columns), (Section("", tuple(rows)),), ())
