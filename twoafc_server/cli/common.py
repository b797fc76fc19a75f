"""What the commands share: their options, and a file that must not be there yet."""

import argparse
import os
from pathlib import Path
from typing import Any

from twoafc_server.base.environment import DATABASE, DEFAULT_DATABASE
from twoafc_server.base.errors import InputError, program


class Help(argparse.HelpFormatter):
    """Help that ends an option with its default, unless the text tells it."""

    def _get_help_string(self, action: argparse.Action) -> str:
        told, default = action.help or "", action.default
        silent = default in (None, argparse.SUPPRESS, "") or "default" in told
        return told if silent or isinstance(default, bool) else f"{told} (default: %(default)s)"


class Parser(argparse.ArgumentParser):
    """An argument parser, and its subcommands', with such help."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"formatter_class": Help, **options})


def parser(command: str, description: str) -> argparse.ArgumentParser:
    return Parser(f"{program()} {command}", description=description)


def add_study(options: argparse.ArgumentParser, **more: Any) -> None:
    options.add_argument("study", help="name of a study in the database", **more)


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
