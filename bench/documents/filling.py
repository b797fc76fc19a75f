"""Numbers in documents, filled and checked from kept tables.

A table stands between two comments, the first of which says what it shows; lists are separated by
semicolons, `key = title` renames:

    <!-- table: portraits128/face8x
    head: 100 portraits
    columns: psnr; ssim; fd_efficientnet_lite0 = FD
    rows: bicubic; sr3 = SR3
    -->
    ...
    <!-- end -->

A number in a sentence has a comment behind it that names table, row and column, such as
`26.23 dB` as `26.23<!-- portraits128/face8x; sr3; psnr --> dB`. `a - b` and `a / b` of two rows
make a difference and a ratio, `; low` and `; high` take a bound. It keeps the decimals and the plus
that it is written with; an interval `[a, b]` behind the number is filled too, and `p = ` turns into
`p < ` where the p-value rounds to zero.
"""

import re
from dataclasses import dataclass, field

from bench.documents.kept_tables import Open
from bench.typesetting import markdown
from bench.typesetting.markdown import Choice, number
from bench.typesetting.table import Cell, Table
from sr3.base.errors import InputError

BLOCK = re.compile(r"<!-- table: (?P<spec>[^>]*?)-->\n(?P<body>.*?)<!-- end -->", re.DOTALL)
MARK = r"<!-- (?P<name>[^;>]+); (?P<row>[^;>]+); (?P<column>[^;>]+?)(?:; (?P<part>low|high))? -->"
QUOTE = re.compile(
    r"(?P<p>p [=<] )?(?P<number>[+-]?\d+(?:\.\d+)?)(?P<interval> \[[^\]\n]*\])?" + MARK
)
UNFILLED = re.compile(r"<!-- (?:end|(?:table:|[^;>]+;[^;>]+;)[^>]*?)\s*-->")
KEYS = ("head", "columns", "rows", "n")


@dataclass
class Filled:
    """A document with its numbers in place, what was different, and the tables that it shows."""

    text: str
    changes: list[str] = field(default_factory=list)
    tables: list[tuple[str, Choice]] = field(default_factory=list)


def fill(document: str, open_table: Open) -> Filled:
    """Put the kept numbers into every marked place.

    Raises:
        InputError: a marker that names nothing, or that has no number before it.
    """
    filled = Filled(document)

    def placed(match: re.Match[str]) -> str:
        if match["spec"] is None:
            wanted = _quote(match, open_table)
        else:
            name, choice = _asked(match["spec"])
            filled.tables.append((name, choice))
            table = markdown.render(open_table(name), choice)
            wanted = f"<!-- table: {match['spec']}-->\n\n{table}\n\n<!-- end -->"
        line = document.count("\n", 0, match.start()) + 1
        filled.changes += _differences(line, match[0], wanted)
        return wanted

    either = re.compile(f"{BLOCK.pattern}|{QUOTE.pattern}", re.DOTALL)
    filled.text = either.sub(placed, document)
    _refuse_unfilled(either.sub("", document))
    return filled


def _asked(spec: str) -> tuple[str, Choice]:
    """The name of a table and what of it is shown."""
    name, *lines = spec.strip().splitlines()
    fields: dict[str, str] = {}
    for line in lines:
        key, colon, value = line.partition(":")
        if not colon or key.strip() not in KEYS:
            raise InputError(
                f"found {line!r} in table {name}, wanted {', '.join(KEYS)} and a colon"
            )
        fields[key.strip()] = value.strip()
    listed = {key: _listed(fields.get(key, "")) for key in ("columns", "rows")}
    return name.strip(), Choice(fields.get("head", ""), **listed, with_n=fields.get("n") == "yes")


def _listed(text: str) -> dict[str, str]:
    """`a; b = title` as keys with titles."""
    pairs = (part.partition(" = ") for part in text.split(";") if part.strip())
    return {key.strip(): title.strip() for key, _, title in pairs}


def _quote(match: re.Match[str], open_table: Open) -> str:
    """The number with the decimals that it had, and its marker."""
    table = open_table(match["name"].strip())
    cell = _cell(table, match["row"].strip(), match["column"].strip())
    value = {"low": cell.low, "high": cell.high}.get(match["part"] or "", cell.value)
    comment = match[0][match[0].index("<!--") :]
    if value is None or (match["interval"] and (cell.low is None or cell.high is None)):
        raise InputError(f"found no such number for {comment}")
    decimals, signed = len(match["number"].partition(".")[2]), match["number"].startswith("+")
    shown = number(value, decimals, signed)
    if match["p"]:
        tiny = float(shown) == 0
        shown = f"p < {10**-decimals:.{decimals}f}" if tiny else f"p = {shown}"
    if match["interval"]:
        low, high = (number(b, decimals, signed) for b in (cell.low or 0.0, cell.high or 0.0))
        shown += f" [{low}, {high}]"
    return shown + comment


def _cell(table: Table, row: str, column: str) -> Cell:
    """One cell in display units, or the difference or ratio of two rows."""
    rows = markdown.rows_of(table)
    places = {c.metric: place for place, c in enumerate(table.columns)}
    if column not in places:
        raise InputError(f"found no column {column!r}, wanted {'; '.join(places)}")
    if row in rows:
        return rows[row].cells[places[column]]
    for sign in (" - ", " / "):
        first, found, second = row.partition(sign)
        if found and first in rows and second in rows:
            a, b = (rows[name].cells[places[column]].value for name in (first, second))
            if a is not None and b is not None:
                return Cell("ok", a - b if sign == " - " else a / b)
    raise InputError(f"found no row {row!r}, wanted {'; '.join(rows)}")


def _differences(line: int, found: str, wanted: str) -> list[str]:
    """Lines of a marked place that differ, with their numbers in the document."""
    if found == wanted:
        return []
    before, after = found.splitlines(), wanted.splitlines()
    if len(before) != len(after):
        return [f"{line}: found another table, wanted {len(after)} lines from the record"]
    return [
        f"{line + place}: found {old!r}, wanted {new!r}"
        for place, (old, new) in enumerate(zip(before, after, strict=True))
        if old != new
    ]


def _refuse_unfilled(rest: str) -> None:
    if mark := UNFILLED.search(rest):
        raise InputError(
            f"found {mark[0]!r} without a number before it or without its end, wanted "
            "`1.23<!-- table; row; column -->` or `<!-- table: ... -->` and `<!-- end -->`"
        )
