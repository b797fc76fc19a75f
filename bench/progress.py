"""Progress on stderr with rate and time left."""

import sys
from collections.abc import Iterable, Sequence
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
LOG_INTERVAL_S = 10.0  # between lines where stderr is a file, so that logs stay readable


def track(items: Sequence[T], label: str, weight: int = 1) -> Iterable[T]:
    """Iterate with a bar; each item counts as `weight` images (a batch)."""
    interval = 0.1 if sys.stderr.isatty() else LOG_INTERVAL_S
    bar: Iterable[T] = tqdm(
        items, desc=label, unit="image" if weight == 1 else "batch", mininterval=interval,
        ascii=not sys.stderr.isatty(), dynamic_ncols=sys.stderr.isatty(), file=sys.stderr,
    )  # fmt: skip
    return bar


class Counter:
    """A bar over images that are done in pieces of varying size."""

    def __init__(self, total: int, label: str, done: int = 0) -> None:
        interval = 0.1 if sys.stderr.isatty() else LOG_INTERVAL_S
        self._bar = tqdm(
            total=total, initial=done, desc=label, unit="image", mininterval=interval,
            ascii=not sys.stderr.isatty(), file=sys.stderr,
        )  # fmt: skip

    def add(self, count: int) -> None:
        """Count finished images."""
        self._bar.update(count)

    def __enter__(self) -> "Counter":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
