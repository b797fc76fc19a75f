"""A breakdown as text: a line per group."""

from collections.abc import Sequence

from bench.comparison.groups import Breakdown, Group
from bench.metrics.protocol import Metric, load_metric

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


def _numbers(group: Group, metric: Metric, sign: bool) -> tuple[str, str]:
    """Value and bounds as printed."""
    value, low, high = (
        "-" if x is None else f"{x * metric.shown_times:{'+' if sign else ''}.{metric.decimals}f}"
        for x in (group.value, group.low, group.high)
    )
    return value, f"[{low}, {high}]"
