"""From records to what people read: comparisons, the table, the contact sheet, the index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.comparison import ranking
from bench.plots.steps import write_steps
from bench.records.finished import write_index
from bench.records.published import tables_of
from bench.records.record import REFERENCE, Record
from bench.reporting.gallery import write_gallery
from bench.reporting.sheet import write_sheet
from bench.running.plan import Plan, key_of
from bench.running.recording import RecordedRow
from bench.typesetting import latex, text
from bench.typesetting.table import Table, build
from sr3.base.files import write_json, write_text


@dataclass(frozen=True)
class Result:
    """What a run leaves: records in the order of the table, and the table itself."""

    folder: Path
    records: tuple[Record, ...]
    table: Table

    @property
    def failed(self) -> list[str]:
        """Systems that crashed."""
        return [r.system for r in self.records if r.status.startswith("failed")]

    @property
    def is_whole(self) -> bool:
        """Whether every system ran and no metric was unavailable."""
        scores = [score for record in self.records for score in record.metrics.values()]
        return all(record.status == "ok" for record in self.records) and not any(
            score.status.startswith("unavail") for score in scores
        )


def finish(planned: Plan, rows: Sequence[RecordedRow]) -> Result:
    """Write comparisons, tables, the sheet and the index of the run."""
    comparisons = compare_rows(planned, rows)
    write_json(planned.folder / "comparisons.json", comparisons)
    records = tuple(row.record for row in rows)
    table = build(records, planned.metrics, comparisons, tables_of(planned.named.name))
    write_text(planned.folder / "table.tex", latex.render(table))
    write_text(planned.folder / "table.txt", text.render(table))
    files = {row.record.system: {o.item.stem: o.path for o in row.outputs} for row in rows}
    shown = {name: paths for name, paths in files.items() if paths and name != REFERENCE}
    if planned.named.suite.unpaired:
        _draw_sets(planned, files, records)
    else:
        write_sheet(planned.folder / "sheet.png", planned.named.suite, planned.images, shown)
    loaders = planned.config.metrics or planned.named.suite.metrics
    lr = {item.stem: item.lr.path for item in planned.images.items if item.lr}
    write_index(planned.folder, {key_of(name): name for name in loaders}, files, lr)
    return Result(planned.folder, records, table)


def _draw_sets(
    planned: Plan, files: Mapping[str, Mapping[str, Path]], records: Sequence[Record]
) -> None:
    """The sheet of an unpaired run, real pictures last, and scores over steps where rows tell."""
    bands = {name: list(paths.values()) for name, paths in files.items() if paths}
    if REFERENCE in bands:
        bands["real pictures"] = bands.pop(REFERENCE)
    if bands:
        write_gallery(planned.folder / "sheet.png", bands)
    write_steps(planned.folder, records, planned.metrics)


def compare_rows(planned: Plan, rows: Sequence[RecordedRow]) -> dict[str, Any]:
    """Content of `comparisons.json`: order, ties and paired tests per metric."""
    scored: dict[str, dict[str, ranking.Scored]] = {name: {} for name in planned.metrics}
    for row in rows:
        system = row.record.system
        if row.evaluation is None or system == REFERENCE:
            continue
        for name, values in row.evaluation.per_image.items():
            scored[name][system] = ranking.Scored(per_image=values)
        for name, value in row.evaluation.sets.items():
            scored[name][system] = ranking.Scored(
                set_value=value.value, draws=value.draws, n=value.interval.n
            )
    ranked = ranking.rankings(planned.metrics, scored)
    return {name: result.to_json() for name, result in ranked.items()}
