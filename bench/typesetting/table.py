"""A table as data: columns, sections, rows and cells in display units; a pure function of records.

The renderers (`text`, `latex` and the report) print it and decide nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.comparison.ranking import marks
from bench.metrics.consistency import KERNEL_MISMATCH
from bench.metrics.protocol import Metric
from bench.records.published import PublishedRow, PublishedTable
from bench.records.record import REFERENCE, Record, Score

State = Literal["ok", "infinite", "unavailable", "absent"]
OF_P = " p"  # ends the label of a row of p-values
DIGITS_OF_P = 2


@dataclass(frozen=True)
class Column:
    """A metric's heading. `note` warns about the whole column; `times` is a power of ten or 1;
    `signed` columns hold differences, whose plus is printed."""

    metric: str
    title: str
    latex: str
    unit: str
    direction: Literal["higher", "lower", "none"]
    decimals: int
    times: float
    note: str = ""
    signed: bool = False


@dataclass(frozen=True)
class Cell:
    """A number in display units with its interval, unrounded; `decimals` where the source has
    fewer than the column."""

    state: State
    value: float | None = None
    low: float | None = None
    high: float | None = None
    mark: str = ""
    grey: bool = False
    unverified: bool = False
    decimals: int | None = None


@dataclass(frozen=True)
class Row:
    """A system's line; `n` is None where the source gives none."""

    label: str
    cells: tuple[Cell, ...]
    n: int | None


@dataclass(frozen=True)
class Section:
    """Rows under a common heading; published rows have their own, with their data set."""

    heading: str
    rows: tuple[Row, ...]
    published: bool = False


@dataclass(frozen=True)
class Table:
    """What a renderer needs."""

    caption: str
    label: str
    columns: tuple[Column, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...]


def build(
    records: Sequence[Record],
    metrics: Mapping[str, Metric],
    comparisons: Mapping[str, Any],
    published: Sequence[PublishedTable],
) -> Table:
    """The table of one suite: ground truth, measured systems, published rows set apart.

    Args:
        records: of one suite and data set, in the order of the rows.
        metrics: the columns, in order.
        comparisons: content of `comparisons.json`, for the marks.
    """
    columns = tuple(column(name, metric, records) for name, metric in metrics.items())
    ordered = sorted(records, key=lambda r: r.role != "reference")
    measured = tuple(measured_row(record, metrics, comparisons) for record in ordered)
    shown = [published_section(table, metrics) for table in published]
    sections = [Section("", measured), *(section for section in shown if section.rows)]
    return Table(
        _caption(records[0]), f"tab:{records[0].suite}", columns, tuple(sections),
        tuple(_notes(records, metrics, columns, published)),
    )  # fmt: skip


def column(name: str, metric: Metric, records: Sequence[Record]) -> Column:
    """The heading of a metric, with a warning where the ground truth shows a foreign kernel."""
    note = ""
    if name == "consistency":
        floors = [
            r.metrics[name].value for r in records if r.system == REFERENCE and name in r.metrics
        ]
        if any(floor is not None and floor > KERNEL_MISMATCH for floor in floors):
            note = "kernel mismatch"
    return Column(
        name, metric.title, metric.latex, metric.unit, metric.direction, metric.decimals,
        metric.shown_times, note,
    )  # fmt: skip


def published_section(table: PublishedTable, metrics: Mapping[str, Metric]) -> Section:
    """The paper's rows, labelled with their data set; metrics that it lacks stay empty."""
    heading = f"Published ({table.dataset}), not measured here"
    shown = [row for row in table.rows if set(row.values) & set(metrics)]
    return Section(heading, tuple(_published_row(row, table, metrics) for row in shown), True)


def cell(metric: Metric, score: Score | None, mark: str = "") -> Cell:
    """A score in display units."""
    if score is None:
        return Cell("absent")
    if score.status == "infinite":
        return Cell("infinite")
    if score.value is None:
        return Cell("unavailable")
    value, low, high = (
        None if number is None else number * metric.shown_times
        for number in (score.value, score.low, score.high)
    )
    return Cell("ok", value, low, high, mark, grey=score.n < metric.grey_under)


def display_cell(times: float, value: float, low: float | None, high: float | None) -> Cell:
    """A value in its own unit with its interval, printed times `times`."""
    low, high = (None if bound is None else bound * times for bound in (low, high))
    return Cell("ok", value * times, low, high)


def p_cell(p: float | None) -> Cell:
    """A p-value with two digits that count."""
    if p is None:
        return Cell("absent")
    decimals = DIGITS_OF_P - 1 - math.floor(math.log10(p)) if p > 0 else DIGITS_OF_P
    return Cell("ok", p, decimals=max(decimals, DIGITS_OF_P))


def plain(caption: str, label: str, columns: Sequence[Column], rows: Sequence[Row]) -> Table:
    """A table of one section without notes."""
    return Table(caption, f"tab:{label}", tuple(columns), (Section("", tuple(rows)),), ())


def label_of(record: Record) -> str:
    """The row's name."""
    if record.system != REFERENCE:
        return record.system
    return "Real pictures" if record.is_unpaired else "Ground truth"


def measured_row(
    record: Record, metrics: Mapping[str, Metric], comparisons: Mapping[str, Any]
) -> Row:
    """A record's line; one that failed or is unavailable has dashes."""
    cells = []
    for name, metric in metrics.items():
        if record.role == "reference" and not metric.reference_row:
            cells.append(Cell("absent"))
        else:
            mark = marks(comparisons, name).get(record.system, "")
            known = cell(metric, record.metrics.get(name), mark)
            cells.append(known if record.status == "ok" else Cell("unavailable"))
    return Row(label_of(record), tuple(cells), record.n)


def _published_row(row: PublishedRow, table: PublishedTable, metrics: Mapping[str, Metric]) -> Row:
    cells = []
    for name, metric in metrics.items():
        known = row.values.get(name)
        if known is None:
            cells.append(Cell("absent"))
        else:
            value = known.value * metric.shown_times
            digits = len(f"{round(value, 6):.6f}".rstrip("0").partition(".")[2])
            cells.append(
                Cell(
                    "ok",
                    value,
                    unverified=not known.verified,
                    decimals=min(metric.decimals, digits),
                )
            )
    return Row(f"{row.system}*", tuple(cells), table.n)


def _caption(record: Record) -> str:
    if record.is_unpaired:
        height, width = record.size
        real = (
            f"{record.dataset['n']} of {record.dataset['name']}"
            if record.dataset["n"]
            else (f"statistics of {record.dataset['name']}")
        )
        return (
            f"{record.suite} v{record.suite_version}: generated pictures of {width}x{height} "
            f"beside {real}, 95% intervals"
        )
    task = f"factor {record.scale}, images of any size"
    if record.size:
        height, width = record.size
        task = f"{width // record.scale}x{height // record.scale} to {width}x{height}"
        if record.scale == 1:
            task = f"{width}x{height}"
    degradation = record.extra.get("lr", {}).get("id")
    if degradation is not None:
        task = f"{degradation}, {task}"
    return (
        f"{record.suite} v{record.suite_version}: {task}, {record.dataset['name']}, "
        f"N = {record.n}, 95% intervals"
    )


def _notes(
    records: Sequence[Record],
    metrics: Mapping[str, Metric],
    columns: Sequence[Column],
    published: Sequence[PublishedTable],
) -> list[str]:
    notes = [f"{c.title}: {c.note}, the ground truth exceeds the floor" for c in columns if c.note]
    if "recognised" in records[0].extra.get("lr", {}):
        notes.append(f"LR: given files, {records[0].extra['lr']['recognised']}")
    systems = [record for record in records if record.role != "reference"]
    if records[0].is_unpaired and len({record.n for record in systems}) > 1:
        notes.append("Frechet distance and its kin depend on N: compare rows of one N")
    notes += [
        f"{record.system}: trained for {record.provenance['trained_for']}, not for this input"
        for record in systems
        if "trained_for" in record.provenance
    ]
    notes += _notes_of_missing(systems, metrics)
    notes += [f"{record.system}: {record.status}" for record in records if record.status != "ok"]
    for name, metric in metrics.items():
        notes += _notes_of_metric(metric, [r.metrics[name] for r in systems if name in r.metrics])
    sources = dict.fromkeys(table.source for table in published)
    notes += [f"* {source}; other images, so compare with care" for source in sources]
    rows = [row for table in published for row in table.rows if row.source]
    notes += [f"{row.system}*: {row.source}" for row in rows if set(row.values) & set(metrics)]
    values = [v for table in published for row in table.rows for v in row.values.values()]
    if any(not value.verified for value in values):
        notes.append("? not read in the source itself, unverified")
    return notes


def _notes_of_missing(systems: Sequence[Record], metrics: Mapping[str, Metric]) -> list[str]:
    """A line per reason, with its metrics; systems are named where others have the metric."""
    titles: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name, metric in metrics.items():
        without: dict[str, list[str]] = {}
        for record in systems:
            if name in record.metrics and record.metrics[name].status.startswith("unavailable"):
                without.setdefault(record.metrics[name].status, []).append(record.system)
        measured = [r for r in systems if name in r.metrics]
        for status, names in without.items():
            who = tuple(names) if len(names) < len(measured) else ()
            titles.setdefault((status, who), []).append(metric.title)
    return [
        f"{', '.join(found)}: {status}" + (f" ({', '.join(who)})" if who else "")
        for (status, who), found in titles.items()
    ]


def _notes_of_metric(metric: Metric, scores: Sequence[Score]) -> list[str]:
    notes = []
    infinite = sum(score.infinite for score in scores)
    if infinite:
        notes.append(f"{metric.title}: {infinite} infinite values (identical images) left out")
    if any(0 < score.n < metric.grey_under for score in scores):
        notes.append(f"{metric.title}: greyed, N is under {metric.grey_under}")
    return notes


def digits_of(cell: Cell, column: Column) -> int:
    """Decimals to print a cell with."""
    return column.decimals if cell.decimals is None else cell.decimals
