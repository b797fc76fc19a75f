"""The analysis as JSON and CSV: what other programs read, `bench` among them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd

from twoafc_server.analysis.analyse import Analysis, SystemReport, TaskReport

VERSION = 1


def to_json(analysis: Analysis) -> str:
    """The whole analysis; a number that does not exist is null, with a statement beside it."""
    plain = {"version": VERSION, **_plain(analysis)}
    return json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, pd.DataFrame):
        return [_plain(row) for row in value.to_dict("records")]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def csv_files(analysis: Analysis) -> dict[str, str]:
    """CSV text by file name; rates are in 0..1, blanks are values that do not exist."""
    tables = {
        "rates.csv": rates_table(analysis),
        "comparisons.csv": comparisons_table(analysis),
        "exposure.csv": exposure_table(analysis),
        "exclusions.csv": exclusions_table(analysis),
        "images.csv": units_table(analysis, "images"),
        "participants.csv": units_table(analysis, "participants"),
    }
    return {name: table.to_csv(index=False, lineterminator="\n") for name, table in tables.items()}


def _systems(analysis: Analysis) -> Iterator[tuple[TaskReport, str, SystemReport]]:
    for task in analysis.tasks:
        for name, report in task.systems.items():
            yield task, name, report


def rates_table(analysis: Analysis) -> pd.DataFrame:
    """One row per task and system: the headline and all that belongs to it."""
    rows = [
        {"study": analysis.source.study, "task": task.task, "system": name, **_rate_row(report)}
        for task, name, report in _systems(analysis)
    ]
    return pd.DataFrame(rows)


def _rate_row(report: SystemReport) -> dict[str, Any]:
    rate, top = report.rate, report.rate.headline
    row: dict[str, Any] = {
        "trials": rate.trials,
        "participants": rate.participants,
        "images": rate.images,
        "missing": rate.missing,
        "rate": top.rate,
        "low": top.low,
        "high": top.high,
        "method": top.method,
        "se": top.se,
        "df": top.df,
        "rate_with_excluded": report.all_answers.rate,
        "low_with_excluded": report.all_answers.low,
        "high_with_excluded": report.all_answers.high,
    }
    row.update(_pair("pigeonhole", rate.bootstrap))
    row.update(_pair("wilson", rate.pooled_wilson))
    row["p_half"] = rate.p_half
    for name in ("margin", "p", "equivalent"):
        row[f"tost_{name}"] = getattr(rate.equivalence, name, None)
    for name in ("dprime", "low", "high"):
        column = name if name == "dprime" else f"dprime_{name}"
        row[column] = getattr(rate.sensitivity, name, None)
    for name in ("participant", "image", "residual"):
        row[f"variance_{name}"] = getattr(rate.components, name, None)
    row["statement"] = top.statement
    return row


def _pair(name: str, limits: tuple[float, float] | None) -> dict[str, float | None]:
    low, high = limits or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}


def comparisons_table(analysis: Analysis) -> pd.DataFrame:
    """One row per task and pair of systems."""
    columns = ["study", "task", "first", "second", "difference", "low", "high", "p", "p_holm"]
    columns += ["pigeonhole_low", "pigeonhole_high", "statement"]
    rows = [
        {
            "study": analysis.source.study,
            "task": task.task,
            "first": pair.first,
            "second": pair.second,
            "difference": pair.contrast.estimate,
            "low": pair.contrast.low,
            "high": pair.contrast.high,
            "p": pair.contrast.p,
            "p_holm": pair.p_holm,
            **_pair("pigeonhole", pair.bootstrap),
            "statement": pair.contrast.statement,
        }
        for task in analysis.tasks
        for pair in task.comparisons
    ]
    return pd.DataFrame(rows, columns=columns)


def exposure_table(analysis: Analysis) -> pd.DataFrame:
    """One row per task, system and requested exposure."""
    columns = ["study", "task", "system", "exposure_ms", "trials", "rate", "low", "high", "method"]
    rows = [
        {
            "study": analysis.source.study,
            "task": task.task,
            "system": name,
            "exposure_ms": point.exposure_ms,
            "trials": point.trials,
            "rate": point.headline.rate,
            "low": point.headline.low,
            "high": point.headline.high,
            "method": point.headline.method,
        }
        for task, name, report in _systems(analysis)
        for point in report.exposure
    ]
    return pd.DataFrame(rows, columns=columns)


def exclusions_table(analysis: Analysis) -> pd.DataFrame:
    """One row per task and reason."""
    columns = ["study", "task", "reason", "participants", "trials"]
    rows = [
        {
            "study": analysis.source.study,
            "task": task.task,
            "reason": exclusion.reason,
            "participants": exclusion.participants,
            "trials": exclusion.trials,
        }
        for task in analysis.tasks
        for exclusion in task.quality.exclusions
    ]
    return pd.DataFrame(rows, columns=columns)


def units_table(analysis: Analysis, unit: str) -> pd.DataFrame:
    """One row per task, system and image (or participant), raw and shrunken rates."""
    parts = [
        getattr(report, unit).table.assign(study=analysis.source.study, task=task.task, system=name)
        for task, name, report in _systems(analysis)
    ]
    whole = pd.concat(parts, ignore_index=True)
    keys = ["study", "task", "system"]
    return pd.DataFrame(whole, columns=keys + [name for name in whole.columns if name not in keys])
