"""The one way that bad input leaves a command: one line on stderr and an exit code."""

import os
import sys
from collections.abc import Callable

OURS = ("sr3", "baselines", "bench")  # a module of ours that is missing is a fault, not a set-up


class InputError(Exception):
    """Input that a command cannot use: says what was found, what was wanted and what to do."""

    exit_code = 2


class StorageFullError(InputError):
    """A file could not be written; what was there before is whole."""

    exit_code = 74


class DivergedError(InputError):
    """Training blew up again and again; the last good state is on disk."""

    exit_code = 76


def run_command(main: Callable[[], int | None]) -> None:
    """Run an entry point and exit: an error as one line and its code, 130 on Ctrl-C.

    A library that a plain install does not bring is bad input too: the line names the extra.
    """
    try:
        sys.exit(main() or 0)
    except InputError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in OURS:
            raise
        print(
            f"error: found no {error.name}, wanted the bench extra: "
            "pip install 'sr3bench[bench]' (or `make bench` in a checkout)",
            file=sys.stderr,
        )
        sys.exit(InputError.exit_code)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except KeyboardInterrupt:
        print("interrupted: the same command goes on where this one stopped", file=sys.stderr)
        sys.exit(130)
