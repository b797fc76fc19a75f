"""Answers from anywhere into one typed table: the columns of `twoafc_server.formats.responses`.

A source that lacks a column gets its neutral value (no side, no time, nothing excluded); the
analysis then leaves out what needs it and says so.
"""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from twoafc_server.base.errors import InputError
from twoafc_server.formats.responses import HEADER

SIDES = ("left", "right")
PHASES = ("practice", "test", "catch")
NUMBERS = ("rt_ms", "exposure_ms_requested", "exposure_ms_measured", "frames_dropped", "hidden_ms")
WHOLE = ("slot", "trial", "position")


@dataclass(frozen=True)
class Source:
    """Where answers came from, for the report.

    Attributes:
        kind: `study`, `bundle`, `responses`, `plain` or `real-vs-fake`.
        study: the study's name.
        digest: SHA-256 of the file, or the bundle's published digest.
        sealed: whether a verified seal stands behind the data.
        protocol: the study's locked protocol, empty where none came along.
        notes: what a reader must know about this source.
    """

    kind: str
    study: str
    digest: str
    sealed: bool = False
    protocol: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Responses:
    """One row per answered trial, and where the rows came from.

    `frame` has the columns of `twoafc_server.formats.responses.HEADER`: `fooled` and `excluded`
    boolean, times float milliseconds (NaN where not recorded), sides "" where not recorded.
    """

    frame: pd.DataFrame
    source: Source

    @property
    def test(self) -> pd.DataFrame:
        """Test trials, those of excluded rows too."""
        return self.frame[self.frame["phase"] == "test"]

    @property
    def kept(self) -> pd.DataFrame:
        """Test trials that no exclusion rule took out."""
        return self.test[~self.test["excluded"]]


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_strings(text: str, where: str) -> pd.DataFrame:
    """CSV text as strings, blanks as ""; InputError when it is no table or has no row."""
    try:
        frame = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, index_col=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(f"found no readable CSV table in {where}: {error}") from error
    if frame.empty:
        raise InputError(f"found 0 answers in {where}: export the study once it has answers")
    return frame


def typed(strings: pd.DataFrame, where: str) -> pd.DataFrame:
    """Check and convert a table of strings that has at least the columns the analysis needs.

    Raises:
        InputError: naming the first row (1 is the first after the header) that cannot be right.
    """
    _require(strings, ("participant", "image", "system", "fooled"), where)
    frame = pd.DataFrame(index=strings.index)
    for name in HEADER:
        frame[name] = _column(strings, name, where)
    _check_sides(frame, where)
    _check_repeats(frame, where)
    return frame


def _require(strings: pd.DataFrame, names: tuple[str, ...], where: str) -> None:
    missing = [name for name in names if name not in strings]
    if missing:
        raise InputError(
            f"found no column {', '.join(missing)} in {where}, wanted {', '.join(HEADER)}"
        )


def _column(strings: pd.DataFrame, name: str, where: str) -> pd.Series:
    if name not in strings:
        return _neutral(name, strings.index)
    values = strings[name].str.strip()
    if name in ("fooled", "excluded"):
        return _refuse(values, values.isin(["0", "1"]), name, "0 or 1", where) == "1"
    if name in NUMBERS:
        return _numbers(values, name, where)
    if name in WHOLE:
        return _numbers(values, name, where).fillna(0).astype("int64")
    if name == "phase":
        return _refuse(values, values.isin(PHASES), name, ", ".join(PHASES), where)
    if name in ("side_model", "chose"):
        return _refuse(values, values.isin([*SIDES, ""]), name, "left or right", where)
    if name in ("participant", "image", "system"):
        return _refuse(values, values != "", name, "a name", where)
    return values


def _neutral(name: str, index: pd.Index) -> pd.Series:
    value: Any = ""
    if name == "excluded":
        value = False
    elif name in NUMBERS:
        value = np.nan
    elif name in WHOLE:
        value = 0
    elif name == "phase":
        value = "test"
    elif name == "task":
        value = "task"
    return pd.Series([value] * len(index), index=index)


def _numbers(values: pd.Series, name: str, where: str) -> pd.Series:
    numbers = pd.to_numeric(values.where(values != ""), errors="coerce").astype("float64")
    _refuse(
        values, numbers.notna() & (numbers.abs() < np.inf) | (values == ""), name, "a number", where
    )
    return numbers


def _refuse(values: pd.Series, good: pd.Series, name: str, wanted: str, where: str) -> pd.Series:
    if not good.all():
        first = int(np.flatnonzero(~good.to_numpy())[0])
        raise InputError(
            f"found {name} {values.iloc[first]!r} in row {first + 1} of {where}, wanted {wanted}"
        )
    return values


def _check_sides(frame: pd.DataFrame, where: str) -> None:
    known = (frame["side_model"] != "") & (frame["chose"] != "")
    agrees = frame["fooled"] == (frame["side_model"] == frame["chose"])
    wrong = np.flatnonzero((known & ~agrees).to_numpy())
    if wrong.size:
        raise InputError(
            f"found fooled at odds with side_model and chose in row {wrong[0] + 1} of {where}: "
            "fooled is 1 exactly where the side of the model was chosen"
        )


def _check_repeats(frame: pd.DataFrame, where: str) -> None:
    numbered = frame[frame["trial"] > 0]
    repeated = numbered.duplicated(["study", "task", "participant", "slot", "trial"])
    if repeated.any():
        row = numbered[repeated].iloc[0]
        raise InputError(
            f"found trial {row['trial']} of participant {row['participant']} twice in {where}: "
            "a trial has one answer, so two exports were joined or the file was edited"
        )
