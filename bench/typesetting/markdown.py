"""A table for a document: Markdown, chosen columns and rows, numbers with their intervals."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bench.typesetting import latex, text
from bench.typesetting.table import Cell, Column, Row, Section, Table, digits_of
from sr3.base.errors import InputError


@dataclass(frozen=True)
class Choice:
    """What of a table is printed, in this order, each key with its title.

    Attributes:
        head: over the labels of the rows; "{n}" stands for the number of pictures.
        columns, rows: keys of the table; an empty title takes its own; empty: all that there are.
        with_n: whether a column says how many pictures a row is about.
    """

    head: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, str] = field(default_factory=dict)
    with_n: bool = False


def render(table: Table, choice: Choice | None = None) -> str:
    """The table, a line per row, without a blank line around it.

    Raises:
        InputError: a column or row that the table does not have.
    """
    choice = choice or Choice()
    shown = narrowed(table, choice)
    rows = rows_of(shown).values()
    n = max((row.n or 0 for row in rows), default=0)
    heads = [choice.head.replace("{n}", str(n)), *(["n"] if choice.with_n else [])]
    heads += [heading(column) for column in shown.columns]
    lines = [_line(heads), "|---" * len(heads) + "|"]
    for row in rows:
        count = [str(row.n or "")] if choice.with_n else []
        cells = [cell(c, column) for c, column in zip(row.cells, shown.columns, strict=True)]
        lines.append(_line([row.label, *count, *cells]))
    return "\n".join(lines)


def narrowed(table: Table, choice: Choice) -> Table:
    """The measured part of a table with the chosen columns and rows under their titles.

    Raises:
        InputError: a column or row that the table does not have.
    """
    places = {column.metric: place for place, column in enumerate(table.columns)}
    found = rows_of(table)
    columns = _chosen(choice.columns, places, "column")
    rows = [
        replace(
            found[label],
            label=title or label,
            cells=tuple(found[label].cells[places[key]] for key in columns),
        )
        for label, title in _chosen(choice.rows, found, "row").items()
    ]
    titled = [_titled(table.columns[places[key]], title) for key, title in columns.items()]
    return replace(table, columns=tuple(titled), sections=(Section("", tuple(rows)),))


def _titled(column: Column, title: str) -> Column:
    """A column under another title, which says unit and factor itself."""
    if not title:
        return column
    return replace(column, title=title, latex=latex.escape(title), unit="", times=1.0)


def rows_of(table: Table) -> dict[str, Row]:
    """Measured rows by label; published ones stay in the tables for a paper."""
    return {row.label: row for part in table.sections if not part.published for row in part.rows}


def heading(column: Column) -> str:
    """Such as `PSNR, dB`."""
    unit = " ".join(part for part in (column.unit, text.factor(column)) if part)
    return ", ".join(part for part in (column.title, unit) if part)


def cell(found: Cell, column: Column) -> str:
    """Such as `22.94 [22.51, 23.40]`; differences have their sign, a missing number is a dash."""
    if found.state == "infinite":
        return "∞"
    if found.value is None:
        return "-" if found.state == "unavailable" else ""
    digits = digits_of(found, column)
    signed = column.signed and found.decimals is None  # p-values bring their own decimals
    shown = number(found.value, digits, signed)
    if found.low is None or found.high is None:
        return shown
    bounds = (number(bound, digits, signed) for bound in (found.low, found.high))
    return f"{shown} [{', '.join(bounds)}]"


def number(value: float, decimals: int, signed: bool = False) -> str:
    """A value as printed, with a plus where asked, never as minus zero."""
    shown = f"{value:{'+' if signed else ''}.{decimals}f}"
    return shown.lstrip("-") if float(shown) == 0 else shown


def _chosen(wanted: Mapping[str, str], known: Mapping[str, object], kind: str) -> dict[str, str]:
    if absent := [key for key in wanted if key not in known]:
        raise InputError(f"found no {kind} {absent[0]!r} in the table, wanted {'; '.join(known)}")
    return dict(wanted) or dict.fromkeys(known, "")


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
