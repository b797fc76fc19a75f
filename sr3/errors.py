"""The one way that bad input leaves a command: one line on stderr and an exit code."""

import sys
from collections.abc import Callable


class InputError(Exception):
    """Input that a command cannot use: says what was found, what was wanted and what to do."""


def run_command(main: Callable[[], int | None]) -> None:
    """Run an entry point and exit: 2 with one line on bad input, 130 on Ctrl-C, else its result."""
    try:
        sys.exit(main() or 0)
    except InputError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted: the same command goes on where this one stopped", file=sys.stderr)
        sys.exit(130)
