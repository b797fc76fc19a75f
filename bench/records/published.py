"""The paper's published numbers, as data: shown beside measured ones, labelled, never ranked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sr3.base.errors import InputError
from sr3.base.files import read_json

IN_WHEEL = Path(__file__).parents[1] / "published"
IN_CHECKOUT = Path(__file__).parents[2] / "results" / "published"


@dataclass(frozen=True)
class PublishedValue:
    """A number as the paper prints it; unverified where it was only remembered, not read."""

    value: float
    verified: bool


@dataclass(frozen=True)
class PublishedRow:
    """One system of a published table.

    Attributes:
        group: splits an ablation.
        source: where this row is from, where it is not the table's own source.
    """

    system: str
    values: Mapping[str, PublishedValue]
    role: str = "system"
    group: str = ""
    source: str = ""


@dataclass(frozen=True)
class PublishedTable:
    """One table of the paper with its source and data set; values in the metric's own unit."""

    id: str
    title: str
    source: str
    dataset: str
    suite: str | None
    n: int | None
    note: str
    metrics: Sequence[str]
    rows: Sequence[PublishedRow]


def folder() -> Path:
    """Where the numbers lie: in the wheel beside this module, in a checkout under results/."""
    return IN_WHEEL if IN_WHEEL.is_dir() else IN_CHECKOUT


def table_names() -> list[str]:
    """Ids of the published tables."""
    return sorted(path.stem for path in folder().glob("*.json"))


@cache
def load_table(name: str) -> PublishedTable:
    """A published table by id; InputError names the known ones."""
    if name not in table_names():
        raise InputError(
            f"found no published table {name!r}, wanted one of {', '.join(table_names())}"
        )
    content = read_json(folder() / f"{name}.json")
    keys = ("id", "title", "source", "dataset", "suite", "n", "note", "metrics")
    return PublishedTable(**{key: content[key] for key in keys}, rows=_rows(content["rows"]))


def tables_of(suite: str) -> list[PublishedTable]:
    """What is published about a suite's task: the paper's own table first, then others' by id."""
    tables = [load_table(name) for name in table_names() if not name.startswith("study-")]
    fitting = [table for table in tables if table.suite == suite]
    return sorted(fitting, key=lambda table: (not table.id.startswith("table"), table.id))


def _rows(rows: Sequence[Mapping[str, object]]) -> tuple[PublishedRow, ...]:
    return tuple(
        PublishedRow(
            system=str(row["system"]),
            values={k: PublishedValue(**v) for k, v in row["values"].items()},  # type: ignore[attr-defined]
            role=str(row.get("role", "system")),
            group=str(row.get("group", "")),
            source=str(row.get("source", "")),
        )
        for row in rows
    )
