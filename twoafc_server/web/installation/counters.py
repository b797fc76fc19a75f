"""Where one worker counts requests for its limits: a number per key that starts again in time.

The `memory://` store of `limits` starts a thread to clear up on nearly every request, a tenth of
what a request costs here; this one clears up once in a while, and no setting of the clock moves it.
"""

import time
from threading import Lock

from limits.storage import Storage

_CLEAR_EVERY_S = 60.0


class Counters(Storage):
    """Fixed windows in memory, by the interface of `limits`."""

    STORAGE_SCHEME = ["counted"]  # noqa: RUF012

    def __init__(
        self, uri: str | None = None, wrap_exceptions: bool = False, **options: float | str | bool
    ) -> None:
        super().__init__(uri, wrap_exceptions, **options)
        self._windows: dict[str, tuple[int, float]] = {}
        self._lock = Lock()
        self._clear_at = 0.0

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = time.monotonic()
        with self._lock:
            self._clear_up(now)
            count, ends = self._windows.get(key, (0, 0.0))
            if ends <= now:
                count, ends = 0, now + expiry
            self._windows[key] = count + amount, ends
            return count + amount

    def _clear_up(self, now: float) -> None:
        if now >= self._clear_at:
            self._windows = {k: window for k, window in self._windows.items() if window[1] > now}
            self._clear_at = now + _CLEAR_EVERY_S

    def get(self, key: str) -> int:
        count, ends = self._windows.get(key, (0, 0.0))
        return count if ends > time.monotonic() else 0

    def get_expiry(self, key: str) -> float:
        """When a window ends, as `limits` asks for it: by the wall clock."""
        _, ends = self._windows.get(key, (0, 0.0))
        return time.time() + max(0.0, ends - time.monotonic())

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        with self._lock:
            cleared = len(self._windows)
            self._windows = {}
        return cleared

    def clear(self, key: str) -> None:
        with self._lock:
            self._windows.pop(key, None)
