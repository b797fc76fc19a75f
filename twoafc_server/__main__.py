"""`twoafc COMMAND ...` or `python -m twoafc_server COMMAND ...`: finds the command's module.

Each module has `main(argv: list[str]) -> int`, gets the rest of argv, and is imported only when
called, so that a host who serves studies never loads what the analysis needs.
"""

import importlib
import sys
from collections.abc import Callable
from typing import NamedTuple

from twoafc_server.base.errors import InputError, program, run_command


class Command(NamedTuple):
    module: str
    does: str


COMMANDS = {
    "demo": Command("twoafc_server.cli.demo", "serve a small study of faces; needs no set-up"),
    "create": Command("twoafc_server.cli.create", "build a study and its slots from a file"),
    "serve": Command("twoafc_server.cli.serve", "serve the studies of a database"),
    "doctor": Command("twoafc_server.cli.doctor", "look whether an installation is set up right"),
    "check": Command("twoafc_server.cli.check", "prove that a study is balanced, planned and run"),
    "status": Command("twoafc_server.cli.status", "list the studies, or one study's progress"),
    "export": Command("twoafc_server.cli.export", "write responses, events, codebook or a bundle"),
    "admin": Command(
        "twoafc_server.cli.admin", "researchers' accounts; pause, open, close, unblind"
    ),
    "erase": Command("twoafc_server.cli.erase", "erase one participant"),
    "retain": Command("twoafc_server.cli.retain", "delete raw ids past their retention time"),
    "payout": Command("twoafc_server.cli.payout", "whom to pay, return or give a bonus, and why"),
    "db": Command("twoafc_server.cli.db", "migrate, back up or restore the database"),
    "analyse": Command("twoafc_server.cli.analyse", "fool rates with their intervals, and tables"),
    "simulate": Command("twoafc_server.cli.simulate", "run simulated observers through a study"),
    "power": Command("twoafc_server.cli.power", "what difference a planned design can detect"),
}


def usage() -> str:
    rows = "\n".join(f"  {name:<10}{command.does}" for name, command in COMMANDS.items())
    return (
        f"usage: {program()} COMMAND ...\n\n"
        "Timed two-alternative forced-choice studies.\n\n"
        f"commands (each has --help):\n{rows}"
    )


def find(name: str) -> Callable[[list[str]], int]:
    """The `main` of a command. Raises InputError for an unknown or not installed one."""
    if name not in COMMANDS:
        raise InputError(f"found no command {name!r}: wanted one of {', '.join(COMMANDS)}")
    try:
        module = importlib.import_module(COMMANDS[name].module)
    except ModuleNotFoundError as error:
        raise InputError(
            f"command {name!r} needs the module {error.name}: pip install 'sr3bench[server]'"
        ) from error
    main: Callable[[list[str]], int] = module.main
    return main


def main(argv: list[str]) -> int:
    """Dispatch argv (without the program's name)."""
    if not argv or argv[0] in {"-h", "--help", "help"}:
        print(usage())
        return 0 if argv else 2
    return find(argv[0])(argv[1:])


def start() -> None:
    """Run as a program."""
    run_command(lambda: main(sys.argv[1:]))


if __name__ == "__main__":
    start()
