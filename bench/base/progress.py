"""Progress on stderr with rate and time left."""

import sys
from collections.abc import Generator, Sequence
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
LOG_INTERVAL_S = 10.0  # between updates where stderr is a file, so that logs stay readable


class Counter:
    """A bar over images that are done in pieces of varying size; closed also by an error."""

    def __init__(self, total: int, label: str) -> None:
        on_screen = sys.stderr.isatty()
        self._bar = tqdm(
            total=total,
            desc=label,
            unit="image",
            mininterval=0.1 if on_screen else LOG_INTERVAL_S,
            ascii=not on_screen,
            dynamic_ncols=on_screen,
            file=sys.stderr,
        )

    def add(self, count: int) -> None:
        """Count finished images."""
        self._bar.update(count)

    def __enter__(self) -> "Counter":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()


def track(items: Sequence[T], label: str) -> Generator[T, None, None]:
    """Iterate over images with a bar; close the generator, so that an error has its own line."""
    with Counter(len(items), label) as counter:
        for item in items:
            yield item
            counter.add(1)


def quiet(items: Sequence[T], label: str) -> Generator[T, None, None]:
    """`track` without a bar."""
    yield from items
