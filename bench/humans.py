"""People beside metrics: `python -m bench.humans --run RUN --study DIR`.

RUN is the folder of a finished suite, DIR what `python -m twoafc_server analyse ... --out DIR`
wrote; the two meet in these files only. Written under RUN/humans: the suite's table with the fool
rate as a column (`table.txt`, `table.tex`), every image's human rate beside its metrics
(`images.csv`), the rank correlations of the two (`correlations.csv`), their scatter plots, and
`study.json`, from which `bench.tables` and `bench.report` take the column thereafter.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.base.extra import require_bench_extra
from sr3.base.errors import InputError, run_command

if TYPE_CHECKING:
    import pandas as pd

    from bench.metrics.protocol import Metric
    from bench.records.finished import Results
    from bench.records.record import Score

ANALYSIS_VERSION = 1
FOLDER, STORED = "humans", "study.json"  # under the run's folder
SIGNIFICANT = 0.05
TASKS = {"task1": "Task-1", "task2": "Task-2"}


@dataclass(frozen=True)
class Study:
    """What an analysis says; rates in 0..1.

    Attributes:
        name, digest: of the study and of the data behind it.
        reference: what outputs were shown against, `hr` or a system.
        rates: one row per task and system; comparisons: per task and pair; images: per image.
    """

    name: str
    digest: str
    reference: str
    rates: "pd.DataFrame"
    comparisons: "pd.DataFrame"
    images: "pd.DataFrame"


def read_study(folder: Path) -> Study:
    """Read the files of one analysis.

    Raises:
        InputError: a folder without them, or of another version.
    """
    import pandas as pd

    try:
        whole = json.loads((folder / "analysis.json").read_text(encoding="utf-8"))
        source = whole["source"]
        names = ("rates", "comparisons", "images")
        text = {"image": str, "system": str, "task": str, "first": str, "second": str}
        tables = {name: pd.read_csv(folder / f"{name}.csv", dtype=text) for name in names}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"found no analysis in {folder} ({error}): run `python -m twoafc_server analyse "
            "STUDY --out DIR` and give that folder"
        ) from error
    if whole.get("version") != ANALYSIS_VERSION:
        raise InputError(
            f"found analysis version {whole.get('version')} in {folder}, wanted {ANALYSIS_VERSION}"
        )
    design = source["protocol"].get("study_file", {}).get("design", {})
    reference = str(design.get("reference", "hr"))
    return Study(str(source["study"]), str(source["digest"]), reference, **tables)


def require_match(results: "Results", study: Study) -> None:
    """InputError unless systems and images of the study are those of the run."""
    systems = {record.system for record in results.measured}
    foreign = sorted(set(study.rates["system"]) - systems)
    if foreign:
        raise InputError(
            f"found no system {', '.join(foreign)} in {results.folder}, wanted the run that the "
            f"study was made from: it has {', '.join(sorted(systems))}"
        )
    unknown = sorted(set(study.images["image"]) - set(results.images))
    if unknown:
        raise InputError(
            f"found {len(unknown)} images of the study that {results.folder} lacks, such as "
            f"{unknown[0]}: give the run that the study was made from"
        )


def column_name(task: str) -> str:
    """Key of a task's fool rate among the metrics of a record."""
    return f"fool_rate_{task}"


def column(task: str, study: Study) -> "Metric":
    """The heading of a task's rates; people have no value for the ground truth itself."""
    from bench.metrics.protocol import Metric

    what = "fool rate" if study.reference == "hr" else f"preferred over {study.reference}"
    label = f"{what} {TASKS.get(task, task)}"
    return Metric(
        title=label,
        latex=f"{label[0].upper()}{label[1:]}".replace("_", r"\_"),
        unit="%",
        direction="higher",
        decimals=1,
        version=1,
        source=f"people, study {study.name}, data {study.digest[:12]}",
        reference_row=False,
    )


def with_humans(results: "Results", study: Study) -> "Results":
    """The results with each task's rates as a further metric, ranked by the study's own tests."""
    from bench.records.record import REFERENCE

    metrics, comparisons = dict(results.metrics), dict(results.comparisons)
    records = list(results.records)
    for task, rates in study.rates.groupby("task", sort=True):
        name = column_name(str(task))
        metrics[name] = column(str(task), study)
        scores = {str(row["system"]): _score(row) for row in rates.to_dict("records")}
        comparisons[name] = _ranking(str(task), study)
        records = [
            replace(record, metrics={**record.metrics, name: scores[record.system]})
            if record.system in scores and record.system != REFERENCE
            else record
            for record in records
        ]
    return replace(results, records=tuple(records), metrics=metrics, comparisons=comparisons)


def note_of(study: Study) -> str:
    """What a table with people in it says below."""
    return (
        f"People: study {study.name}, {int(study.rates['trials'].sum())} answers; "
        "their intervals cluster participants and images"
    )


def attached(results: "Results") -> "Results":
    """The results with the study that was last joined to their folder, if one was."""
    import pandas as pd

    from sr3.base.files import read_json

    path = results.folder / FOLDER / STORED
    if not path.is_file():
        return results
    content = read_json(path)
    rates, comparisons = (pd.DataFrame(content[name]) for name in ("rates", "comparisons"))
    study = Study(
        content["name"], content["digest"], content["reference"], rates, comparisons, pd.DataFrame()
    )
    return with_humans(results, study)


def _to_json(study: Study) -> dict[str, Any]:
    """The small file beside a run: all that its table needs, without single images."""
    columns = ["task", "system", "rate", "low", "high", "trials"]
    pairs = ["task", "first", "second", "p_holm"]
    return {
        "name": study.name,
        "digest": study.digest,
        "reference": study.reference,
        "rates": study.rates[columns].to_dict("records"),
        "comparisons": json.loads(study.comparisons[pairs].to_json(orient="records")),
    }


def _score(row: Mapping[Any, Any]) -> "Score":
    from bench.records.record import Score

    value, low, high = (100 * float(row[name]) for name in ("rate", "low", "high"))
    return Score(value, low, high, int(row["trials"]), "%", 1)


def _ranking(task: str, study: Study) -> dict[str, Any]:
    """Best, all that Holm's test does not set apart from it, and second, as a run ranks."""
    from bench.comparison.ranking import UNRANKED

    of_task = study.rates[study.rates["task"] == task]
    rates = dict(zip(of_task["system"], of_task["rate"], strict=True))
    order = sorted((s for s in rates if s not in UNRANKED), key=lambda s: -rates[s])
    if len(order) < 2:
        return {"best": [], "second": None, "pairs": []}
    pairs = study.comparisons
    pairs = pairs[pairs["task"] == task] if len(pairs) else pairs
    apart = {
        frozenset((str(row["first"]), str(row["second"])))
        for row in pairs.to_dict("records")
        if row["p_holm"] is not None and row["p_holm"] < SIGNIFICANT
    }
    best = [s for s in order if s == order[0] or frozenset((order[0], s)) not in apart]
    rest = [s for s in order if s not in best]
    return {"best": best, "second": rest[0] if rest and rest[0] == order[1] else None, "pairs": []}


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.humans",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--run", type=Path, required=True, help="folder of a suite's records")
    parser.add_argument("--study", type=Path, required=True, help="folder of the study's analysis")
    parser.add_argument("--out", type=Path, help="default: RUN/humans")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (default 0)")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Join a run and a study; returns the exit code."""
    options = parse(argv)
    require_bench_extra()
    from bench.comparison import correlation
    from bench.records.finished import read_results
    from bench.reporting import humans_plot
    from bench.tables import suite_table
    from bench.typesetting import latex, text
    from sr3.base.files import write_bytes, write_json, write_text

    results, study = read_results(options.run), read_study(options.study)
    require_match(results, study)
    joined = correlation.join(results, study.images)
    found = correlation.correlate(joined, results.metrics, options.seed)
    both = with_humans(results, study)
    table = suite_table(both)
    table = replace(table, notes=(*table.notes, note_of(study)))
    out = options.out or options.run / FOLDER
    write_json(out / STORED, _to_json(study))
    write_text(out / "table.txt", text.render(table))
    write_text(out / "table.tex", latex.render(table))
    write_text(out / "images.csv", joined.to_csv(index=False, lineterminator="\n"))
    write_text(out / "correlations.csv", found.to_csv(index=False, lineterminator="\n"))
    for task, picture in humans_plot.scatter_plots(joined, found, results.metrics).items():
        write_bytes(out / f"scatter_{task}.png", picture)
    print(text.render(table))
    print(correlation.summary(found, results.metrics))
    print(f"table, images.csv, correlations.csv and scatter plots are in {out}")
    return 0


if __name__ == "__main__":
    run_command(main)
