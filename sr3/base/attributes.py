"""What a table beside pictures says of them, in JSONL or CSV, and how numbers become few groups."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sr3.base.errors import InputError

LEVELS = 8  # numbers with more distinct values are cut into thirds

Row = Mapping[str, Any]


def read_rows(path: Path, keys: Sequence[str], what: str, which: str) -> tuple[str, list[Row]]:
    """The column that names the pictures, the first of `keys` that every row has, and the rows.

    Args:
        what: the table's content, "attributes" or "labels"; which: "images" or "pictures".

    Raises:
        InputError: unreadable, or no column that names the picture in every row.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".csv":
            rows: list[Row] = list(csv.DictReader(text.splitlines()))
        else:
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(f"found no readable {what} at {path} ({error})") from error
    key = next((k for k in keys if rows and all(_has(row, k) for row in rows)), None)
    if key is None:
        raise InputError(
            f"found no column {' or '.join(keys)} in every row of {path} to name the {which}"
        )
    return key, rows


def _has(row: Any, key: str) -> bool:
    return isinstance(row, Mapping) and row.get(key) is not None


def number_of(value: Any) -> float | None:
    """A value as a number, or None; True and False are none."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def thirds(numbers: NDArray[np.float64]) -> list[str]:
    """The span of the third that each number lies in, as "14 to 28"."""
    cuts = np.quantile(numbers, [1 / 3, 2 / 3], method="lower")
    third = np.searchsorted(cuts, numbers)
    spans = {t: numbers[third == t] for t in set(third.tolist())}
    return [f"{spans[t].min():g} to {spans[t].max():g}" for t in third.tolist()]
