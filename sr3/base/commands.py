"""Commands by name: `sr3 train ...` is `python -m sr3.train ...`, `sr3bench run ...` `bench.run`.

Each command is a module with `main(argv) -> int`, imported only when it is called for. Its help
says what each option is and its default.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sr3.base.errors import InputError

PROGRAMS = {"sr3": "sr3", "bench": "sr3bench"}  # package: the program that pip installs for it


class Help(argparse.RawDescriptionHelpFormatter):
    """Help that ends an option with its default, unless the text tells it."""

    def _get_help_string(self, action: argparse.Action) -> str:
        told, default = action.help or "", action.default
        silent = default in (None, argparse.SUPPRESS, "", (), [], frozenset()) or "default" in told
        return told if silent or isinstance(default, bool) else f"{told} (default: %(default)s)"


class Parser(argparse.ArgumentParser):
    """An argument parser, and its subcommands', with such help."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"formatter_class": Help, **options})


def program(module: str) -> str:
    """How help calls the command in `module`: as the user called it."""
    package, _, command = module.partition(".")
    if Path(sys.argv[0]).stem == PROGRAMS[package]:
        return f"{PROGRAMS[package]} {command}"
    return f"python -m {module}"


def share_cores() -> None:
    """Let a thread that waits for the others give up its core; only before torch is imported.

    By default OpenMP's threads spin. Beside one other busy process two threads on two cores then
    took 25 times as long as one (measured, a 16x16 generator); so they take no longer.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def usage(package: str, what: str, commands: Mapping[str, str]) -> str:
    """The list of commands, each with what it does."""
    rows = "\n".join(f"  {name:<11}{does}" for name, does in commands.items())
    return (
        f"usage: {PROGRAMS[package]} COMMAND ...\n\n{what}\n\n"
        f"commands (each has --help, and is `python -m {package}.COMMAND` too):\n{rows}"
    )


def dispatch(package: str, what: str, commands: Mapping[str, str], argv: list[str]) -> int:
    """Hand the rest of argv to the command that its first word names; its exit code.

    Raises:
        InputError: no command of that name.
    """
    if not argv or argv[0] in {"-h", "--help", "help"}:
        print(usage(package, what, commands))
        return 0 if argv else InputError.exit_code
    name, *rest = argv
    if name not in commands:
        raise InputError(f"found no command {name!r}: wanted one of {', '.join(commands)}")
    main: Callable[[list[str]], int] = importlib.import_module(f"{package}.{name}").main
    return main(rest)
