"""Names and numbers as people read them; every output words them the same way."""

from collections.abc import Mapping
from typing import Any

TASKS = {"task1": "Task-1", "task2": "Task-2", "task": "all trials"}


def task_name(task: str) -> str:
    """The task's name in the paper."""
    return TASKS.get(task, task)


def percent(rate: float | None, digits: int = 1) -> str:
    """A rate in 0..1 as a number of percent, `-` where there is none."""
    return "-" if rate is None else f"{100 * rate:.{digits}f}"


def interval(low: float | None, high: float | None, digits: int = 1) -> str:
    """`[low, high]` in percent, `-` where there is none."""
    if low is None or high is None:
        return "-"
    return f"[{percent(low, digits)}, {percent(high, digits)}]"


def p_value(p: float | None) -> str:
    """A p-value to two significant digits, `< 0.0001` below that."""
    if p is None:
        return "-"
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"


def reference_of(protocol: Mapping[str, Any]) -> str:
    """What the outputs were shown against: `hr`, or a system in model-against-model studies."""
    design = protocol.get("study_file", {}).get("design", {})
    return str(design.get("reference", "hr"))


def rate_name(reference: str) -> str:
    """What the rate is called: it fools only where the other picture is the original."""
    return "fool rate" if reference == "hr" else f"share preferred over {reference}"
