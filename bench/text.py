"""A table for the terminal."""

import math

from bench.layout import Cell, Column, Row, Table, digits_of

ARROWS = {"higher": "↑", "lower": "↓", "none": ""}
MARKS = {"best": "▲", "second": "△", "": ""}


def render(table: Table) -> str:
    """The table as text: headings with arrows and units, numbers with 95 % half-widths, N."""
    headings = [["system"], *[_heading(column) for column in table.columns], ["N"]]
    body: list[list[str] | str] = []
    for section in table.sections:
        if section.heading:
            body.append(section.heading)
        body += [_line(row, table.columns) for row in section.rows]
    height = max(len(heading) for heading in headings)
    head = [[h[i] if i < len(h) else "" for h in headings] for i in range(height)]
    widths = _widths([*head, *[line for line in body if isinstance(line, list)]])
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [table.caption, rule, *[_join(line, widths) for line in head], rule]
    for line in body:
        lines += [rule, line] if isinstance(line, str) else [_join(line, widths)]
    return "\n".join([*lines, rule, *table.notes, *_legend(table)]) + "\n"


def format_cell(cell: Cell, column: Column) -> str:
    """A number with its interval, such as `22.94 [22.51, 23.40]`, or a dash."""
    if cell.state == "infinite":
        return "∞"
    if cell.value is None:
        return "–" if cell.state == "unavailable" else ""
    digits = digits_of(cell, column)
    text = f"{cell.value:.{digits}f}"
    if cell.low is not None and cell.high is not None:
        text += f" [{cell.low:.{digits}f}, {cell.high:.{digits}f}]"
    text = f"({text})" if cell.grey else text
    return text + MARKS[cell.mark] + ("?" if cell.unverified else "")


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


def _line(row: Row, columns: tuple[Column, ...]) -> list[str]:
    cells = [format_cell(cell, column) for cell, column in zip(row.cells, columns, strict=True)]
    return [row.label, *cells, "" if row.n is None else str(row.n)]


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
