"""Pairs of systems as text: a line per pair and metric."""

from collections.abc import Sequence

from bench.comparison.pairs import PairLine


def render(lines: Sequence[PairLine]) -> str:
    """Aligned columns under their headings, then N and the tests that were used."""
    heading = ("metric", "A", "B", "A's", "B's", "A - B [95 %]", "p (Holm)", "A wins", "")
    rows: list[tuple[str, ...]] = [heading]
    rows += [_cells(line) for line in lines]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    text = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    tests = sorted({line.test for line in lines})
    return "\n".join([*text, f"n = {lines[0].n if lines else 0}; tests: {', '.join(tests)}"])


def _cells(line: PairLine) -> tuple[str, ...]:
    interval = "" if line.low is None else f" [{line.low:+.4g}, {line.high:+.4g}]"
    wins = "" if line.wins_a is None else f"{line.wins_a:.0%}"
    return (
        line.metric, line.a, line.b, f"{line.value_a:.5g}", f"{line.value_b:.5g}",
        f"{line.difference:+.4g}{interval}", line.p, wins, line.verdict,
    )  # fmt: skip
