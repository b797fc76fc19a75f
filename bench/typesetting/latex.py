"""A table for a paper: booktabs, siunitx S columns, best bold, second best underlined.

It fits the line of a one-column article: names and headings are broken, what is too wide goes on
in further blocks below, and what is too high in further tables.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, zip_longest

from bench.typesetting.table import Cell, Column, Row, Section, Table, digits_of
from bench.typesetting.text import factor
from bench.typesetting.widths import BOLD, LINE, NOTE, SCRIPT, pieces, points, wrap

ARROWS = {"higher": r"$\uparrow$", "lower": r"$\downarrow$", "none": ""}
ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
REPLACED = {"->": r"$\rightarrow$", "×": r"$\times$", "∞": r"$\infty$", "–": "--"}
PREAMBLE = r"""% needs \usepackage{booktabs,siunitx,xcolor}; siunitx version 3
"""
GAP = 12.0  # points between two columns
NAME, HEADING = 105.0, 75.0  # points, widest line of a row's name and of a column's heading
PAGE = 38  # lines of text that a float leaves room for under its caption
ROWS = PAGE - 6  # of them under the headings of one block
LONG = 24  # characters that a paragraph need not break


@dataclass(frozen=True)
class Block:
    """A tabular; `height` in lines of text."""

    lines: tuple[str, ...]
    height: float


def render(table: Table) -> str:
    """The table environment, ending in a newline; the same input gives the same bytes."""
    labels = [row.label for section in table.sections for row in section.rows]
    heads = [_heads(column) for column in table.columns]
    widths = [_width(table, i, heads[i]) for i in range(len(heads))]
    groups = _fitting(widths, _width_of_names(["System", *labels]))
    blocks = [
        _down(table, columns, heads, sections)
        for sections in _in_parts(table.sections)
        for columns in groups
    ]
    return _environments(table, blocks)


def render_transposed(table: Table) -> str:
    """The same table with metrics down and systems across, as in the paper's Table 2."""
    rows = [(section, row) for section in table.sections for row in section.rows]
    heads = [_lines_of_name(row.label, HEADING) for _, row in rows]
    widths = [
        max(
            *map(points, head),
            *(_widest(row.cells[i], column) for i, column in enumerate(table.columns)),
        )
        for head, (_, row) in zip(heads, rows, strict=True)
    ]
    names = max(points(line) for column in table.columns for line in _name(column))
    blocks = [
        _across(table, [(heads[i], *rows[i]) for i in group], [widths[i] for i in group])
        for group in _fitting(widths, max(names, points("Metric")))
    ]
    return _environments(table, blocks)


def escape(text: str) -> str:
    """Plain text for LaTeX."""
    escaped = "".join(ESCAPES.get(character, character) for character in text)
    for found, wanted in REPLACED.items():
        escaped = escaped.replace(found, wanted)
    return escaped


def paragraph(text: str) -> str:
    """Plain text for LaTeX in which long words may be broken."""
    words = (
        r"\allowbreak{}".join(map(escape, pieces(word))) if len(word) > LONG else escape(word)
        for word in text.split(" ")
    )
    return " ".join(words)


def format_number(cell: Cell, column: Column) -> str:
    """A cell for an S column; what is not a number goes in braces."""
    if cell.state == "infinite":
        return r"{$\infty$}"
    if cell.value is None:
        return "{--}"
    number = f"{cell.value:.{digits_of(cell, column)}f}"
    if cell.mark == "best":
        return rf"\bfseries {number}"
    if cell.mark == "second":
        return rf"{{\underline{{\num{{{number}}}}}}}"
    if cell.grey:
        return rf"\color{{gray}} {number}"
    return number + (r"\textsuperscript{?}" if cell.unverified else "")


def format_interval(cell: Cell, column: Column) -> str:
    """`{\\scriptsize[22.51, 23.40]}`, or nothing."""
    interval = _interval(cell, column)
    return rf"{{\scriptsize{interval}}}" if interval else "{}"


def _interval(cell: Cell, column: Column) -> str:
    if cell.low is None or cell.high is None:
        return ""
    digits = digits_of(cell, column)
    return f"[{cell.low:.{digits}f}, {cell.high:.{digits}f}]"


def _widest(cell: Cell, column: Column) -> float:
    number = "" if cell.value is None else f"{cell.value:.{digits_of(cell, column)}f}?"
    return max(points(number, BOLD), points(_interval(cell, column), SCRIPT), points("--"))


def _width(table: Table, index: int, heads: Sequence[str]) -> float:
    cells = [row.cells[index] for section in table.sections for row in section.rows]
    sign, whole, decimals = _digits(table, index)
    return max(
        points(f"{sign}{'0' * whole}.{'0' * decimals}?", BOLD),
        *map(points, heads),
        *(_widest(cell, table.columns[index]) for cell in cells),
    )


def _width_of_names(labels: Sequence[str]) -> float:
    return max(points(line) for label in labels for line in _lines_of_name(label, NAME))


def _lines_of_name(label: str, most: float) -> list[str]:
    return [escape(line) for line in wrap(label, most)]


def _heads(column: Column) -> list[str]:
    """Title with its arrow, unit, and a warning, in lines that a column may have."""
    unit = " ".join(part for part in (escape(column.unit), _factor(column)) if part)
    unit = unit.removeprefix("MSE ")  # an error is no unit, and its heading is the widest
    title = wrap(column.latex, HEADING, whole=True)
    title[-1] = f"{title[-1]} {ARROWS[column.direction]}".strip()
    note = [rf"\textit{{{escape(line)}}}" for line in wrap(column.note, HEADING) if line]
    return [*title, *([f"({unit})"] if unit else []), *note]


def _name(column: Column) -> list[str]:
    """The same as the name of a row, which has more room."""
    first, *rest = _heads(column)
    lines = [first]
    for line in rest:
        joined = f"{lines[-1]} {line}"
        lines[-1:] = [joined] if points(joined) <= NAME else [lines[-1], line]
    return lines


def _factor(column: Column) -> str:
    power = factor(column).removeprefix("x1e")
    return rf"$\times 10^{{{power}}}$" if power else ""


def _fitting(widths: Sequence[float], names: float) -> list[list[int]]:
    """Columns in groups that fit the line beside the names; a group has one column at least."""
    groups: list[list[int]] = [[]]
    room = LINE - names - GAP
    for index, width in enumerate(widths):
        if groups[-1] and sum(widths[i] + GAP for i in groups[-1]) + width + GAP > room:
            groups.append([])
        groups[-1].append(index)
    return groups


def _in_parts(sections: Sequence[Section]) -> list[list[Section]]:
    """Sections cut so that the rows of each part fit a page under their headings."""
    parts: list[list[Section]] = [[]]
    left = ROWS
    for section in sections:
        for row in section.rows:
            if left < _height(row) and parts[-1]:
                parts.append([])
                left = ROWS
            left -= _height(row)
            if parts[-1] and parts[-1][-1].heading == section.heading:
                grown = (*parts[-1][-1].rows, row)
                parts[-1][-1] = replace(section, rows=grown)
            else:
                parts[-1].append(replace(section, rows=(row,)))
                left -= 1
    return parts


def _height(row: Row) -> int:
    """Lines of a row: number and interval, or more where its name is long."""
    return max(len(_lines_of_name(row.label, NAME)), 1 + any(c.low is not None for c in row.cells))


def _down(
    table: Table, columns: Sequence[int], heads: Sequence[list[str]], sections: Sequence[Section]
) -> Block:
    """Systems down, the chosen metrics across."""
    formats = [f" {_column_type(table, i)}" for i in columns]
    body = list(_rows([["System"], *(heads[i] for i in columns)], "{%s}"))
    chosen = [table.columns[i] for i in columns]
    for section in sections:
        body.append(r"\midrule")
        if section.heading:
            body += _spanning(section.heading, len(columns) + 1)
        for row in section.rows:
            body += _lines(row, [row.cells[i] for i in columns], chosen)
    return _tabular("l" + "".join(formats), body)


def _across(
    table: Table, systems: Sequence[tuple[list[str], Section, Row]], widths: Sequence[float]
) -> Block:
    """Metrics down, the chosen systems across under the headings of their sections."""
    body = [
        *_spans([section for _, section, _ in systems], widths),
        *_rows([["Metric"], *(head for head, _, _ in systems)], "%s"),
        r"\midrule",
    ]
    for index, column in enumerate(table.columns):
        cells = [row.cells[index] for _, _, row in systems]
        under = [format_interval(cell, column) for cell in cells]
        first, *rest = _name(column)
        numbers = [_free(format_number(cell, column)) for cell in cells]
        body.append(" & ".join([first, *numbers]) + r" \\")
        body += _under(rest, under)
    return _tabular("l" + "c" * len(systems), body)


def _spans(sections: Sequence[Section], widths: Sequence[float]) -> Iterator[str]:
    """Headings over the columns of each section, in as many lines as the narrowest needs."""
    runs = [(section, len(list(run))) for section, run in groupby(sections)]
    left, wrapped = list(widths), []
    for section, n in runs:
        wide = sum(left[:n]) + (n - 1) * GAP
        wrapped.append(wrap(section.heading, max(HEADING, wide)))
        del left[:n]
    for lines in zip_longest(*wrapped, fillvalue=""):
        cells = (
            rf"\multicolumn{{{n}}}{{c}}{{{escape(line)}}}"
            for line, (_, n) in zip(lines, runs, strict=True)
        )
        yield " & ".join(["", *cells]) + r" \\"
    first, rules = 2, []
    for _, n in runs:
        rules.append(rf"\cmidrule(lr){{{first}-{first + n - 1}}}")
        first += n
    yield " ".join(rules)


def _rows(heads: Sequence[Sequence[str]], form: str) -> Iterator[str]:
    """Headings of several lines as rows; an S column wants them in braces."""
    for lines in zip_longest(*heads, fillvalue=""):
        cells = [lines[0], *(form % line if line else "{}" for line in lines[1:])]
        yield " & ".join(cells) + r" \\"


def _spanning(heading: str, columns: int) -> list[str]:
    return [
        rf"\multicolumn{{{columns}}}{{l}}{{\emph{{{escape(line)}}}}} \\"
        for line in wrap(heading, LINE - GAP)
    ]


def _lines(row: Row, cells: Sequence[Cell], columns: Sequence[Column]) -> list[str]:
    """The numbers, and under them their intervals where there are any."""
    pairs = list(zip(cells, columns, strict=True))
    first, *rest = _lines_of_name(row.label, NAME)
    numbers = [format_number(cell, column) for cell, column in pairs]
    intervals = [format_interval(cell, column) for cell, column in pairs]
    return [" & ".join([first, *numbers]) + r" \\", *_under(rest, intervals)]


def _under(rest: Sequence[str], intervals: Sequence[str]) -> list[str]:
    """Rows under a number: the intervals, if any, beside the other lines of the name."""
    empty = ["{}"] * len(intervals)
    first = intervals if any(interval != "{}" for interval in intervals) else None
    names = rest or ([""] if first else [])
    return [
        " & ".join([name, *(first if first and i == 0 else empty)]) + r" \\"
        for i, name in enumerate(names)
    ]


def _tabular(columns: str, body: Sequence[str]) -> Block:
    lines = (rf"\begin{{tabular}}{{{columns}}}", r"\toprule", *body, r"\bottomrule",
             r"\end{tabular}")  # fmt: skip
    return Block(lines, sum(line.endswith(r"\\") for line in body) + 1)


def _environments(table: Table, blocks: Sequence[Block]) -> str:
    """Blocks in as few tables as there are pages, the notes under the last."""
    notes = [rf"\par\footnotesize {paragraph(note)}" for note in table.notes]
    heights = sum(-(-points(note, NOTE) // LINE) * NOTE for note in table.notes)
    parts: list[list[Block]] = [[]]
    for block in [*blocks, Block(tuple(notes), heights)]:
        if parts[-1] and sum(b.height for b in parts[-1]) + block.height > PAGE:
            parts.append([])
        parts[-1].append(block)
    return PREAMBLE + "".join(_environment(table, i, part) for i, part in enumerate(parts))


def _environment(table: Table, number: int, blocks: Sequence[Block]) -> str:
    opening = [r"\begin{table}", r"\centering\sloppy"]
    caption = paragraph(table.caption)
    if number:
        opening += [r"\addtocounter{table}{-1}", rf"\caption{{{caption} (continued)}}"]
    else:
        opening += [rf"\caption{{{caption}}}", rf"\label{{{table.label}}}"]
    lines = list(blocks[0].lines)
    for block in blocks[1:]:
        is_tabular = bool(block.lines) and block.lines[0].startswith(r"\begin")
        lines += [r"\par\medskip"] if is_tabular else []
        lines += block.lines
    return "\n".join([*opening, *lines, r"\end{table}"]) + "\n"


def _free(number: str) -> str:
    """A number outside an S column: bold as text, dashes without braces."""
    if number.startswith(r"\bfseries "):
        return rf"\textbf{{{number.removeprefix(chr(92) + 'bfseries ')}}}"
    return number


def _column_type(table: Table, index: int) -> str:
    """An S column whose table-format fits the widest number, in bold and with a sign."""
    sign, whole, decimals = _digits(table, index)
    return rf"S[table-format={sign}{whole}.{decimals}, detect-weight, mode=text]"


def _digits(table: Table, index: int) -> tuple[str, int, int]:
    """Sign, digits before and digits after the point that a column needs."""
    column = table.columns[index]
    texts = [
        f"{row.cells[index].value:.{column.decimals}f}"
        for section in table.sections
        for row in section.rows
        if row.cells[index].value is not None
    ]
    whole = max((len(text.lstrip("-").partition(".")[0]) for text in texts), default=1)
    sign = "-" if any(text.startswith("-") for text in texts) else ""
    return sign, whole, column.decimals
