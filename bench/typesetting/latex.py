"""A table for a paper: booktabs, siunitx S columns, best bold, second best underlined."""

from bench.typesetting.table import Cell, Column, Row, Section, Table, digits_of

ARROWS = {"higher": r" $\uparrow$", "lower": r" $\downarrow$", "none": ""}
ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
REPLACED = {"->": r"$\rightarrow$", "×": r"$\times$", "∞": r"$\infty$", "–": "--"}
PREAMBLE = r"""% needs \usepackage{booktabs,siunitx,xcolor}; siunitx version 3
"""


def render(table: Table) -> str:
    """The table environment, ending in a newline; the same input gives the same bytes."""
    columns = "l" + "".join(f" {_column_type(table, i)}" for i in range(len(table.columns)))
    headings = [_heading(column) for column in table.columns]
    lines = [*_opening(table, columns), " & ".join(["System", *headings]) + r" \\"]
    for section in table.sections:
        lines += _section(section, table.columns)
    return PREAMBLE + "\n".join([*lines, *_closing(table)]) + "\n"


def render_transposed(table: Table) -> str:
    """The same table with metrics down and systems across, as in the paper's Table 2."""
    rows = [(section, row) for section in table.sections for row in section.rows]
    columns = "l" + "c" * len(rows)
    spans, first = [], 2
    heads = []
    for section in table.sections:
        last = first + len(section.rows) - 1
        heads.append(rf"\multicolumn{{{len(section.rows)}}}{{c}}{{{escape(section.heading)}}}")
        spans.append(rf"\cmidrule(lr){{{first}-{last}}}")
        first = last + 1
    lines = [
        *_opening(table, columns),
        " & ".join(["", *heads]) + r" \\",
        " ".join(spans),
        " & ".join(["Metric", *(escape(row.label) for _, row in rows)]) + r" \\",
        r"\midrule",
    ]
    for index, column in enumerate(table.columns):
        cells = [_free(format_number(row.cells[index], column)) for _, row in rows]
        lines.append(" & ".join([_heading(column)[1:-1], *cells]) + r" \\")
        intervals = [format_interval(row.cells[index], column) for _, row in rows]
        if any(interval != "{}" for interval in intervals):
            lines.append(" & ".join(["", *intervals]) + r" \\")
    return PREAMBLE + "\n".join([*lines, *_closing(table)]) + "\n"


def escape(text: str) -> str:
    """Plain text for LaTeX."""
    escaped = "".join(ESCAPES.get(character, character) for character in text)
    for found, wanted in REPLACED.items():
        escaped = escaped.replace(found, wanted)
    return escaped


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
    if cell.low is None or cell.high is None:
        return "{}"
    digits = digits_of(cell, column)
    return rf"{{\scriptsize[{cell.low:.{digits}f}, {cell.high:.{digits}f}]}}"


def _opening(table: Table, columns: str) -> list[str]:
    return [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(table.caption)}}}",
        rf"\label{{{table.label}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
    ]


def _closing(table: Table) -> list[str]:
    notes = [rf"\par\footnotesize {escape(note)}" for note in table.notes]
    return [r"\bottomrule", r"\end{tabular}", *notes, r"\end{table}"]


def _free(number: str) -> str:
    """A number outside an S column: bold as text, dashes without braces."""
    if number.startswith(r"\bfseries "):
        return rf"\textbf{{{number.removeprefix(chr(92) + 'bfseries ')}}}"
    return number


def _section(section: Section, columns: tuple[Column, ...]) -> list[str]:
    lines = [r"\midrule"]
    if section.heading:
        lines.append(
            rf"\multicolumn{{{len(columns) + 1}}}{{l}}{{\emph{{{escape(section.heading)}}}}} \\"
        )
    for row in section.rows:
        lines += _lines(row, columns)
    return lines


def _lines(row: Row, columns: tuple[Column, ...]) -> list[str]:
    """The numbers, and under them their intervals where there are any."""
    pairs = list(zip(row.cells, columns, strict=True))
    numbers = [format_number(cell, column) for cell, column in pairs]
    lines = [" & ".join([escape(row.label), *numbers]) + r" \\"]
    if any(cell.low is not None for cell in row.cells):
        lines.append(" & ".join(["", *(format_interval(c, k) for c, k in pairs)]) + r" \\")
    return lines


def _heading(column: Column) -> str:
    unit = _unit(column)
    note = rf" \textit{{({escape(column.note)})}}" if column.note else ""
    return rf"{{{column.latex}{ARROWS[column.direction]}{unit}{note}}}"


def _unit(column: Column) -> str:
    if column.metric == "consistency":
        return r" ($\times 10^{-5}$)"
    return rf" ({escape(column.unit)})" if column.unit else ""


def _column_type(table: Table, index: int) -> str:
    """An S column whose table-format fits the widest number, in bold and with a sign."""
    column = table.columns[index]
    texts = [
        f"{row.cells[index].value:.{column.decimals}f}"
        for section in table.sections
        for row in section.rows
        if row.cells[index].value is not None
    ]
    whole = max((len(text.lstrip("-").partition(".")[0]) for text in texts), default=1)
    sign = "-" if any(text.startswith("-") for text in texts) else ""
    return rf"S[table-format={sign}{whole}.{column.decimals}, detect-weight, mode=text]"
