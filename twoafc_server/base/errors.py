"""How the commands of this room are called, and the one way that bad input leaves them."""

import sys
from collections.abc import Callable
from pathlib import Path

PROGRAM = "twoafc"  # what pip installs; the same as `python -m twoafc_server`


class InputError(Exception):
    """Input that a command cannot use: says what was found, what was wanted and what to do."""


def program() -> str:
    """How help calls these commands: as the user called them."""
    called = Path(sys.argv[0]).stem
    return PROGRAM if called == PROGRAM else "python -m twoafc_server"


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
