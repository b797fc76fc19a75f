"""The paper's own tables: its layouts, its published rows beside what a run measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.comparison.human_rates import attached
from bench.metrics.protocol import Metric, load_metric
from bench.records.finished import FinishedRun, read_finished
from bench.records.published import PublishedTable, load_table, tables_of
from bench.records.record import REFERENCE
from bench.typesetting import latex, text
from bench.typesetting.table import (
    Section,
    Table,
    build,
    column,
    measured_row,
    published_section,
)
from sr3.base.errors import InputError
from sr3.base.files import write_text


@dataclass(frozen=True)
class PaperLayout:
    """How the paper prints a table.

    Attributes:
        metrics: columns, in the paper's order.
        transposed: systems across and metrics down, as in Table 2.
        offline: columns for a run that lacks those, under their own names; the paper has none.
    """

    metrics: tuple[str, ...]
    transposed: bool = False
    offline: tuple[str, ...] = ()

    def columns(self, finished: FinishedRun | None) -> tuple[str, ...]:
        """The paper's, and the offline ones where a run has nothing else to show."""
        records = () if finished is None else finished.measured
        scores = [r.metrics[m] for r in records for m in self.metrics if m in r.metrics]
        if not records or any(score.value is not None for score in scores):
            return self.metrics
        known = {name for record in records for name in record.metrics}
        return self.metrics + tuple(name for name in self.offline if name in known)


OFFLINE = ("fd_efficientnet_lite0",)
LAYOUTS = {
    "table2": PaperLayout(("psnr", "ssim", "consistency"), transposed=True),
    "table3": PaperLayout(("fid_ref", "is", "psnr", "ssim")),
    "table4": PaperLayout(("top1_error", "top5_error")),
    "table5": PaperLayout(("fid_ref",), offline=OFFLINE),
    "table6": PaperLayout(("fid_ref",), offline=OFFLINE),
}


def paper_table(name: str, finished: FinishedRun | None) -> Table:
    """A table in the paper's layout: its rows first, then what was measured here.

    Args:
        finished: a run on the table's suite, or None to print the published rows alone.

    Raises:
        InputError: an unknown layout, or a run of another suite.
    """
    require_layout(name)
    published = load_table(name)
    if finished is not None and published.suite not in (None, finished.records[0].suite):
        raise InputError(
            f"found a run of {finished.records[0].suite}, {name} is about {published.suite}"
        )
    metrics = {metric: load_metric(metric) for metric in LAYOUTS[name].columns(finished)}
    records = () if finished is None else finished.records
    sections = [*_published(published, metrics)]
    if finished is not None:
        sections += _measured(finished, metrics)
    columns = tuple(column(metric, metrics[metric], records) for metric in metrics)
    notes = [f"* {published.source}"] + ([published.note] if published.note else [])
    number, _, title = published.title.partition(": ")
    caption = f"{title[0].upper()}{title[1:]}, as {number} of the paper"
    return Table(caption, f"tab:{name}", columns, tuple(sections), tuple(notes))


def render_paper(name: str, finished: FinishedRun | None) -> str:
    """LaTeX of `paper_table` in the paper's orientation."""
    table = paper_table(name, finished)
    return latex.render_transposed(table) if LAYOUTS[name].transposed else latex.render(table)


def suite_table(finished: FinishedRun) -> Table:
    """The table of a suite, as a run prints it."""
    published = tables_of(finished.records[0].suite)
    return build(finished.records, finished.metrics, finished.comparisons, published)


def write_tables(folder: Path, names: Sequence[str], out: Path) -> list[Path]:
    """Write `suite.tex` and one file per layout into `out`; people's rates join where known."""
    finished = attached(read_finished(folder))
    written = [out / "suite.tex", out / "suite.txt"]
    table = suite_table(finished)
    write_text(written[0], latex.render(table))
    write_text(written[1], text.render(table))
    for name in names:
        written.append(out / f"{name}.tex")
        write_text(written[-1], render_paper(name, finished))
    return written


def fitting(finished: FinishedRun) -> list[str]:
    """Layouts that a run can fill: those of its suite, and those of no suite."""
    suite = finished.records[0].suite
    return [name for name in LAYOUTS if load_table(name).suite in (None, suite)]


def _published(table: PublishedTable, metrics: Mapping[str, Metric]) -> list[Section]:
    """The paper's rows, one section per group of an ablation."""
    groups = dict.fromkeys(row.group for row in table.rows)
    sections = []
    for group in groups:
        rows = [row for row in table.rows if row.group == group]
        section = published_section(replace(table, rows=rows), metrics)
        heading = f"{group}, {section.heading}" if group else section.heading
        sections.append(replace(section, heading=heading))
    return sections


def _measured(finished: FinishedRun, metrics: Mapping[str, Metric]) -> list[Section]:
    """The run's rows; none where it measured nothing that the table prints."""
    first = finished.records[0]
    with_reference = any(metric.reference_row for metric in metrics.values())
    rows = [
        measured_row(record, metrics, finished.comparisons)
        for record in finished.records
        if record.system != REFERENCE or with_reference
    ]
    numbers = sorted({record.n for record in finished.measured} or {first.n})
    n = " to ".join(map(str, dict.fromkeys((numbers[0], numbers[-1]))))
    heading = f"Measured here ({first.dataset['name']}, N = {n})"
    any_value = any(cell.value is not None for row in rows for cell in row.cells)
    return [Section(heading, tuple(rows))] if any_value else []


def chosen_layouts(folder: Path, asked: Sequence[str]) -> Sequence[str]:
    """The layouts asked for; `all` means those that the run in `folder` can fill.

    Raises:
        InputError: an unknown layout.
    """
    if "all" in asked:
        return fitting(read_finished(folder))
    for name in asked:
        require_layout(name)
    return asked


def require_layout(name: str) -> None:
    """InputError unless the paper has a layout of this name."""
    if name not in LAYOUTS:
        raise InputError(f"found no layout {name!r}, wanted one of {', '.join(LAYOUTS)}")
