"""A breakdown as text: a line per group for people, a Markdown table for a document."""

from collections.abc import Iterator, Sequence

from bench.comparison.groups import Breakdown, Group
from bench.metrics.protocol import Metric, load_metric
from sr3.base.errors import InputError

ALPHA = 0.05


def heading(breakdown: Breakdown) -> str:
    """System, metric and what is shown of it."""
    gain = f" gain over {breakdown.over}" if breakdown.over else ""
    return f"{breakdown.system}  {load_metric(breakdown.metric).title}{gain}"


def differs(breakdown: Breakdown) -> bool:
    """Whether the groups of an attribute differ after Holm's correction."""
    return breakdown.p_holm < ALPHA


def render(breakdowns: Sequence[Breakdown]) -> str:
    """A line per group, the test beside the attribute."""
    lines = []
    for b in breakdowns:
        flag = "  differs" if differs(b) else ""
        lines.append(f"{heading(b)}  by {b.attribute}: p = {b.p_holm:.3g}{flag}")
        for group in b.groups:
            value, bounds = _numbers(group, load_metric(b.metric), sign=bool(b.over))
            lines.append(f"    {group.level:24} {value:>9} {bounds}  n = {group.n}")
    return "\n".join(lines) + "\n"


def table(breakdowns: Sequence[Breakdown], metric: str) -> str:
    """One metric as a Markdown table: a row per group, a column per system, then the gains.

    Raises:
        InputError: the run has no such per-image metric.
    """
    chosen = [b for b in breakdowns if b.metric == metric]
    if not chosen:
        known = ", ".join(dict.fromkeys(b.metric for b in breakdowns))
        raise InputError(f"found no metric {metric} by group, wanted one of {known}")
    return "\n".join(_table_lines(chosen, load_metric(metric))) + "\n"


def _table_lines(chosen: Sequence[Breakdown], metric: Metric) -> Iterator[str]:
    columns = list(dict.fromkeys((b.system, b.over) for b in chosen))
    heads = [f"{system} - {over}" if over else system for system, over in columns]
    yield "| | | n | " + " | ".join(heads) + " |"
    yield "|---" * (3 + len(columns)) + "|"
    for attribute in dict.fromkeys(b.attribute for b in chosen):
        found = {(b.system, b.over): b for b in chosen if b.attribute == attribute}
        row = [found[column] for column in columns]
        for place, group in enumerate(row[0].groups):
            cells = [" ".join(_numbers(b.groups[place], metric, bool(b.over))) for b in row]
            yield f"| {attribute} | {group.level} | {group.n} | " + " | ".join(cells) + " |"
        tests = [f"{'**' * differs(b)}{b.p_holm:.2g}{'**' * differs(b)}" for b in row]
        yield f"| | p | | {' | '.join(tests)} |"


def _numbers(group: Group, metric: Metric, sign: bool) -> tuple[str, str]:
    """Value and bounds as printed."""
    value, low, high = (
        "-" if x is None else f"{x * metric.shown_times:{'+' if sign else ''}.{metric.decimals}f}"
        for x in (group.value, group.low, group.high)
    )
    return value, f"[{low}, {high}]"
