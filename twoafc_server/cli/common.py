"""What the commands share: their options, and a file that must not be there yet."""

import argparse
import os
from pathlib import Path

from twoafc_server.base.environment import DATABASE, DEFAULT_DATABASE
from twoafc_server.base.errors import InputError, program


def parser(command: str, description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(f"{program()} {command}", description=description)


def add_database(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--db",
        metavar="URL",
        default=os.environ.get(DATABASE, DEFAULT_DATABASE),
        help=f"sqlite:///FILE or postgresql://...; default: ${DATABASE}, else {DEFAULT_DATABASE}",
    )


def new_file(path: Path) -> Path:
    """A path that nothing is at yet. Raises InputError."""
    if path.exists():
        raise InputError(f"found {path} already: move it away or name another")
    return path
