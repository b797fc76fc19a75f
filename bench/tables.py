"""Tables from records: `python -m bench.tables results/runs/face8x --paper table2`.

Writes LaTeX for the suite and for each layout of the paper asked for, published and measured
numbers side by side and labelled. Nothing is measured here: a table is a function of records.
"""

import argparse
from pathlib import Path

from bench.base.extra import require_bench_extra
from sr3.base.commands import program
from sr3.base.errors import InputError, run_command


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(prog=program("bench.tables"), description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a suite's records, or of several suites")
    parser.add_argument("--paper", action="append", default=[], metavar="TABLE",
        help="layout of the paper, table2 to table6, or `all` that fit; repeatable")  # fmt: skip
    parser.add_argument("--out", type=Path, help="default: tables/ in each suite's folder")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Write the tables of one run, or of every run under a folder."""
    options = parse(argv)
    require_bench_extra()
    from bench.records.finished import suite_folders
    from bench.typesetting.paper import chosen_layouts, write_tables

    folders = suite_folders(options.run)
    if not folders:
        raise InputError(f"found no finished run in {options.run}: run `python -m bench.run` first")
    for folder in folders:
        out = options.out / folder.name if options.out else folder / "tables"
        for path in write_tables(folder, chosen_layouts(folder, options.paper), out):
            print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    run_command(main)
