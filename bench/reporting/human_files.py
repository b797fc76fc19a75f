"""What joining a run and a study leaves: table, images.csv, correlations.csv, plots, study.json."""

from dataclasses import dataclass, replace
from pathlib import Path

from bench.comparison import correlation
from bench.comparison.human_rates import (
    FOLDER,
    STORED,
    HumanStudy,
    note_of,
    require_match,
    to_json,
    with_humans,
)
from bench.plots.humans import scatter_plots
from bench.records.finished import FinishedRun
from bench.typesetting import latex, text
from bench.typesetting.paper import suite_table
from sr3.base.files import write_bytes, write_json, write_text


@dataclass(frozen=True)
class Joined:
    """Where the files lie, and the two texts that are worth printing."""

    folder: Path
    table: str
    correlations: str


def write_humans(
    finished: FinishedRun, study: HumanStudy, out: Path | None = None, seed: int = 0
) -> Joined:
    """Join a run and a study and write what was found.

    Args:
        out: a folder; None takes `humans/` in the run's.
        seed: of the bootstrap.

    Raises:
        InputError: a study of other systems or images than the run's.
    """
    require_match(finished, study)
    joined = correlation.join(finished, study.images)
    found = correlation.correlate(joined, finished.metrics, seed)
    table = suite_table(with_humans(finished, study))
    table = replace(table, notes=(*table.notes, note_of(study)))
    folder = out or finished.folder / FOLDER
    write_json(folder / STORED, to_json(study))
    write_text(folder / "table.txt", text.render(table))
    write_text(folder / "table.tex", latex.render(table))
    write_text(folder / "images.csv", joined.to_csv(index=False, lineterminator="\n"))
    write_text(folder / "correlations.csv", found.to_csv(index=False, lineterminator="\n"))
    for task, picture in scatter_plots(joined, found, finished.metrics).items():
        write_bytes(folder / f"scatter_{task}.png", picture)
    return Joined(folder, text.render(table), correlation.summary(found, finished.metrics))
