"""Tables from records: `python -m bench.tables results/runs/face8x --paper table2`.

Writes LaTeX for the suite and for each layout of the paper asked for, published and measured
numbers side by side and labelled. Nothing is measured here: a table is a function of records.
"""

from bench.base.extra import stop_without_extra

if __name__ == "__main__":
    stop_without_extra()  # before the imports below, which need torch

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.humans import attached
from bench.metrics.protocol import Metric, load_metric
from bench.records.finished import Results, read_results, suite_folders
from bench.records.published import PublishedTable, load_table
from bench.records.record import REFERENCE
from bench.typesetting import latex, text
from bench.typesetting.layout import (
    Section,
    Table,
    build,
    column,
    measured_row,
    published_section,
)
from sr3.base.errors import InputError, run_command
from sr3.base.files import write_text


@dataclass(frozen=True)
class Layout:
    """How the paper prints a table.

    Attributes:
        metrics: columns, in the paper's order.
        transposed: systems across and metrics down, as in Table 2.
    """

    metrics: tuple[str, ...]
    transposed: bool = False


LAYOUTS = {
    "table2": Layout(("psnr", "ssim", "consistency"), transposed=True),
    "table3": Layout(("fid_ref", "is", "psnr", "ssim")),
    "table4": Layout(("top1_error", "top5_error")),
    "table5": Layout(("fid_ref",)),
    "table6": Layout(("fid_ref",)),
}


def paper_table(name: str, results: Results | None) -> Table:
    """A table in the paper's layout: its rows first, then what was measured here.

    Args:
        results: a run on the table's suite, or None to print the published rows alone.

    Raises:
        InputError: an unknown layout, or a run of another suite.
    """
    if name not in LAYOUTS:
        raise InputError(f"found no layout {name!r}, wanted one of {', '.join(LAYOUTS)}")
    published = load_table(name)
    if results is not None and published.suite not in (None, results.records[0].suite):
        raise InputError(
            f"found a run of {results.records[0].suite}, {name} is about {published.suite}"
        )
    metrics = {metric: load_metric(metric) for metric in LAYOUTS[name].metrics}
    records = () if results is None else results.records
    sections = [*_published(published, metrics)]
    if results is not None:
        sections += _measured(results, metrics)
    columns = tuple(column(metric, metrics[metric], records) for metric in metrics)
    notes = [f"* {published.source}"] + ([published.note] if published.note else [])
    return Table(published.title, f"tab:{name}", columns, tuple(sections), tuple(notes))


def render_paper(name: str, results: Results | None) -> str:
    """LaTeX of `paper_table` in the paper's orientation."""
    table = paper_table(name, results)
    return latex.render_transposed(table) if LAYOUTS[name].transposed else latex.render(table)


def suite_table(results: Results) -> Table:
    """The table of a suite, as a run prints it."""
    tables = [load_table(name) for name in LAYOUTS]
    suite = results.records[0].suite
    published = next((table for table in tables if table.suite == suite), None)
    return build(results.records, results.metrics, results.comparisons, published)


def write_tables(folder: Path, names: Sequence[str], out: Path) -> list[Path]:
    """Write `suite.tex` and one file per layout into `out`; people's rates join where known."""
    results = attached(read_results(folder))
    written = [out / "suite.tex", out / "suite.txt"]
    table = suite_table(results)
    write_text(written[0], latex.render(table))
    write_text(written[1], text.render(table))
    for name in names:
        written.append(out / f"{name}.tex")
        write_text(written[-1], render_paper(name, results))
    return written


def fitting(results: Results) -> list[str]:
    """Layouts that a run can fill: those of its suite, and those of no suite."""
    suite = results.records[0].suite
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


def _measured(results: Results, metrics: Mapping[str, Metric]) -> list[Section]:
    """The run's rows; none where it measured nothing that the table prints."""
    first = results.records[0]
    with_reference = any(metric.reference_row for metric in metrics.values())
    rows = [
        measured_row(record, metrics, results.comparisons)
        for record in results.records
        if record.system != REFERENCE or with_reference
    ]
    heading = f"Measured here ({first.dataset['name']}, N = {first.n})"
    any_value = any(cell.value is not None for row in rows for cell in row.cells)
    return [Section(heading, tuple(rows))] if any_value else []


def main(argv: list[str] | None = None) -> int:
    """Write the tables of one run, or of every run under a folder."""
    parser = argparse.ArgumentParser(prog="python -m bench.tables", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a suite's records, or of several suites")
    parser.add_argument(
        "--paper",
        action="append",
        default=[],
        choices=[*LAYOUTS, "all"],
        help="layout of the paper; repeatable; `all` takes those that fit",
    )
    parser.add_argument("--out", type=Path, help="default: tables/ in each suite's folder")
    options = parser.parse_args(argv)
    folders = suite_folders(options.run)
    if not folders:
        raise InputError(f"found no finished run in {options.run}: run `python -m bench.run` first")
    for folder in folders:
        names = fitting(read_results(folder)) if "all" in options.paper else options.paper
        out = options.out or folder / "tables"
        for path in write_tables(folder, names, out / folder.name if options.out else out):
            print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    run_command(main)
