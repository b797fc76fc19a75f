"""Weights of metrics: where they lie, whether they are the right ones, and how to get them.

    python -m bench.weights status | verify | fetch [NAME ...] | import FILE [--name NAME]

Only `fetch` uses a network. Files are looked for in the folder named by BENCH_WEIGHTS (default
~/.cache/sr3bench/weights), then in torch's hub cache, and inside the packages that carry them.
Nothing is loaded before its SHA-256 is checked.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from bench.pretrained import catalogue, weights
from sr3.base.commands import Parser, program
from sr3.base.errors import run_command


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand; 1 where `verify` found a wrong file or `fetch` failed on one."""
    options = _parser().parse_args(argv)
    if options.command == "import":
        found = weights.import_file(Path(options.file), options.name)
        print(f"imported {found.entry.name}: {found.path}")
        return 0
    if options.command == "fetch":
        for name in options.names or [row.name for row in catalogue.TABLE.values() if row.url]:
            print(f"{name}: {weights.fetch(name).path}")
        return 0
    everything = [weights.find(name) for name in catalogue.TABLE]
    print(_as_json(everything) if options.json else _as_text(everything))
    wrong = any(found.state == "wrong hash" for found in everything)
    return int(options.command == "verify" and wrong)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog=program("bench.weights"), description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("status", "show every file of the table and where it lies"),
        ("verify", "the same; exit code 1 if a file has the wrong hash"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--json", action="store_true", help="print JSON")
    fetching = commands.add_parser("fetch", help="download files (the only use of a network)")
    fetching.add_argument("names", nargs="*", metavar="NAME", help="default: all with an address")
    importing = commands.add_parser("import", help="copy a file you have into the folder")
    importing.add_argument("file", help="found by its hash, whatever its name")
    importing.add_argument("--name", choices=sorted(catalogue.TABLE), help="row it must be")
    return parser


def _as_text(everything: list[weights.Found]) -> str:
    rows = [("name", "state", "MB", "licence", "used by", "path or file")]
    for found in everything:
        row, place = found.entry, str(found.path or found.entry.file)
        size = f"{row.size / 1e6:.1f}"
        rows.append((row.name, found.state, size, row.licence, " ".join(row.used_by), place))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = ["  ".join([*map(str.ljust, row[:5], widths), row[5]]) for row in rows]
    return "\n".join([*lines, f"folder: {weights.folder()} (BENCH_WEIGHTS names another)"])


def _as_json(everything: list[weights.Found]) -> str:
    return json.dumps([asdict(found) for found in everything], indent=2, default=str)


if __name__ == "__main__":
    run_command(main)
