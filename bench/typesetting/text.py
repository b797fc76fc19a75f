"""A table for the terminal."""

import math

from bench.typesetting.table import Cell, Column, Row, Table, digits_of

ARROWS = {"higher": "↑", "lower": "↓", "none": ""}
WIDEST = 150  # characters
MARKS = {"best": "▲", "second": "△", "": ""}


def render(table: Table) -> str:
    """The table as text: headings with arrows and units, numbers with 95 % intervals, N.

    A table wider than `WIDEST` puts the intervals on lines of their own.
    """
    columns = table.columns
    headings = [["system"], *[_heading(column) for column in columns], ["N"]]
    height = max(len(heading) for heading in headings)
    head = [[h[i] if i < len(h) else "" for h in headings] for i in range(height)]
    body = _body(table, split=False)
    widths = _widths([*head, *[line for line in body if isinstance(line, list)]])
    if sum(widths) + 2 * len(widths) > WIDEST:
        body = _body(table, split=True)
        widths = _widths([*head, *[line for line in body if isinstance(line, list)]])
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [table.caption, rule, *[_join(line, widths) for line in head], rule]
    for line in body:
        lines += [rule, line] if isinstance(line, str) else [_join(line, widths)]
    return "\n".join([*lines, rule, *table.notes, *_legend(table)]) + "\n"


def format_cell(cell: Cell, column: Column, with_interval: bool = True) -> str:
    """A number with its interval, such as `22.94 [22.51, 23.40]`, or a dash."""
    if cell.state == "infinite":
        return "∞"
    if cell.value is None:
        return "–" if cell.state == "unavailable" else ""
    digits = digits_of(cell, column)
    text = f"{cell.value:.{digits}f}"
    if with_interval and cell.low is not None:
        text += f" {format_interval(cell, column)}"
    text = f"({text})" if cell.grey else text
    return text + MARKS[cell.mark] + ("?" if cell.unverified else "")


def format_interval(cell: Cell, column: Column) -> str:
    """`[22.51, 23.40]`, or nothing."""
    if cell.low is None or cell.high is None:
        return ""
    digits = digits_of(cell, column)
    return f"[{cell.low:.{digits}f}, {cell.high:.{digits}f}]"


def factor(column: Column) -> str:
    """`x1e-5` for a column that is shown times 1e5; nothing for units like MiB."""
    exponent = math.log10(column.times)
    if column.times == 1 or not math.isclose(exponent, round(exponent)):
        return ""
    return f"x1e{-round(exponent)}"


def _heading(column: Column) -> list[str]:
    first = f"{column.title} {ARROWS[column.direction]}".strip()
    second = " ".join(part for part in (column.unit, factor(column)) if part)
    return [first, second, column.note] if column.note else [first, second]


def _body(table: Table, split: bool) -> list[list[str] | str]:
    """Rows as lists of cells, headings of sections as text."""
    body: list[list[str] | str] = []
    for section in table.sections:
        body += [section.heading] if section.heading else []
        for row in section.rows:
            body += _lines(row, table.columns, split)
    return body


def _lines(row: Row, columns: tuple[Column, ...], split: bool) -> list[list[str]]:
    pairs = list(zip(row.cells, columns, strict=True))
    cells = [format_cell(cell, column, not split) for cell, column in pairs]
    lines = [[row.label, *cells, "" if row.n is None else str(row.n)]]
    if split and any(cell.low is not None for cell in row.cells):
        lines.append(["", *(format_interval(cell, column) for cell, column in pairs), ""])
    return lines


def _widths(lines: list[list[str]]) -> list[int]:
    return [max(len(text) for text in column) for column in zip(*lines, strict=True)]


def _join(line: list[str], widths: list[int]) -> str:
    padded = [
        text.ljust(width) if index == 0 else text.rjust(width)
        for index, (text, width) in enumerate(zip(line, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()


def _legend(table: Table) -> list[str]:
    cells = [cell for section in table.sections for row in section.rows for cell in row.cells]
    if not any(cell.mark for cell in cells):
        return []
    return ["▲ best or tied with it by the paired interval, △ second"]
