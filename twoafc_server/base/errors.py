"""The one way that bad input leaves a command of this room: one line on stderr and an exit code."""

import sys
from collections.abc import Callable


class InputError(Exception):
    """Input that a command cannot use: says what was found, what was wanted and what to do."""


def run_command(main: Callable[[], int]) -> None:
    """Run an entry point and exit: 2 with one line on bad input, 130 on Ctrl-C, else its result."""
    try:
        sys.exit(main())
    except InputError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
