"""The one clock. Times are stored as whole milliseconds since 1970-01-01 UTC."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], int]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def steady() -> Clock:
    """A clock that is set once, now, and only runs on, whatever is done to the machine's:
    leases and exposures are spans of time. Processes forked after the call share it.
    """
    # Linux counts time asleep in this one; elsewhere the monotonic clock has to do.
    which = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    offset = time.time_ns() - time.clock_gettime_ns(which)
    return lambda: (time.clock_gettime_ns(which) + offset) // 1_000_000


def iso(ms: int | None) -> str:
    """ISO 8601 in UTC, or empty for None."""
    if ms is None:
        return ""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
