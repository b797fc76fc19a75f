"""What people said of a run's systems: an analysis read, and its rates as columns of the run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench.comparison.ranking import UNRANKED
from bench.metrics.protocol import Metric
from bench.records.finished import FinishedRun
from bench.records.record import REFERENCE, Score
from sr3.base.errors import InputError
from sr3.base.files import read_json

ANALYSIS_VERSION = 1
FOLDER, STORED = "humans", "study.json"  # under the run's folder
SIGNIFICANT = 0.05
TASKS = {"task1": "Task-1", "task2": "Task-2"}


@dataclass(frozen=True)
class HumanStudy:
    """What an analysis says; rates in 0..1.

    Attributes:
        name, digest: of the study and of the data behind it.
        reference: what outputs were shown against, `hr` or a system.
        rates: one row per task and system; comparisons: per task and pair; images: per image.
    """

    name: str
    digest: str
    reference: str
    rates: pd.DataFrame
    comparisons: pd.DataFrame
    images: pd.DataFrame


def read_study(folder: Path) -> HumanStudy:
    """Read the files of one analysis.

    Raises:
        InputError: a folder without them, or of another version.
    """
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
    return HumanStudy(str(source["study"]), str(source["digest"]), reference, **tables)


def require_match(finished: FinishedRun, study: HumanStudy) -> None:
    """InputError unless systems and images of the study are those of the run."""
    systems = {record.system for record in finished.measured}
    foreign = sorted(set(study.rates["system"]) - systems)
    if foreign:
        raise InputError(
            f"found no system {', '.join(foreign)} in {finished.folder}, wanted the run that the "
            f"study was made from: it has {', '.join(sorted(systems))}"
        )
    unknown = sorted(set(study.images["image"]) - set(finished.images))
    if unknown:
        raise InputError(
            f"found {len(unknown)} images of the study that {finished.folder} lacks, such as "
            f"{unknown[0]}: give the run that the study was made from"
        )


def column_name(task: str) -> str:
    """Key of a task's fool rate among the metrics of a record."""
    return f"fool_rate_{task}"


def column(task: str, study: HumanStudy) -> Metric:
    """The heading of a task's rates; people have no value for the ground truth itself."""
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


def with_humans(finished: FinishedRun, study: HumanStudy) -> FinishedRun:
    """The run with each task's rates as a further metric, ranked by the study's own tests."""
    metrics, comparisons = dict(finished.metrics), dict(finished.comparisons)
    records = list(finished.records)
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
    return replace(finished, records=tuple(records), metrics=metrics, comparisons=comparisons)


def note_of(study: HumanStudy) -> str:
    """What a table with people in it says below."""
    return (
        f"People: study {study.name}, {int(study.rates['trials'].sum())} answers; "
        "their intervals cluster participants and images"
    )


def attached(finished: FinishedRun) -> FinishedRun:
    """The run with the study that was last joined to their folder, if one was."""
    path = finished.folder / FOLDER / STORED
    if not path.is_file():
        return finished
    content = read_json(path)
    rates, comparisons = (pd.DataFrame(content[name]) for name in ("rates", "comparisons"))
    study = HumanStudy(
        content["name"], content["digest"], content["reference"], rates, comparisons, pd.DataFrame()
    )
    return with_humans(finished, study)


def to_json(study: HumanStudy) -> dict[str, Any]:
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


def _score(row: Mapping[Any, Any]) -> Score:
    value, low, high = (100 * float(row[name]) for name in ("rate", "low", "high"))
    return Score(value, low, high, int(row["trials"]), "%", 1)


def _ranking(task: str, study: HumanStudy) -> dict[str, Any]:
    """Best, all that Holm's test does not set apart from it, and second, as a run ranks."""
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
