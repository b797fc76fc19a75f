"""Progress in pictures, on a terminal or in a file."""

import sys

from tqdm import tqdm

from sr3.machine.processes import Process

LOG_INTERVAL_S = 10.0  # between lines of progress where stderr is a file


class Bar(tqdm):  # type: ignore[misc]
    """Progress in pictures, moved on by shares of them."""

    def __init__(self, total: int, process: Process) -> None:
        terminal = sys.stderr.isatty()
        super().__init__(
            total=total,
            unit="picture",
            desc="sampling" if process.size == 1 else f"sampling, process 1 of {process.size}",
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total} "
            "[{elapsed}<{remaining}, {rate_fmt}]",
            mininterval=0.1 if terminal else LOG_INTERVAL_S,
            ascii=not terminal,
            disable=process.rank > 0,
            file=sys.stderr,
        )

    def move(self, share: float) -> None:
        """Add a share, kept from rounding past the total."""
        self.update(min(share, self.total - self.n))
