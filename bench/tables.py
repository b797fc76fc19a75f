"""Tables from records: nothing is measured here, a table is a function of records.

    python -m bench.tables results/runs/face8x --paper table2
    python -m bench.tables results/runs/face8x --keep results/models/portraits128
    python -m bench.tables --markdown README.md docs/*.md [--check]

The first writes LaTeX for the suite and for each layout of the paper asked for, published and
measured numbers side by side and labelled. The second keeps a run with the project, without its
pictures and caches. The third fills the marked tables and numbers of documents from kept runs and
writes LaTeX of the same tables beside the records; with --check it only says what differs.
"""

import argparse
from pathlib import Path

from bench.base.extra import require_bench_extra
from sr3.base.commands import program
from sr3.base.errors import InputError, run_command


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog=program("bench.tables"), description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add = parser.add_argument
    add("run", type=Path, nargs="?", help="folder of a suite's records, or of several suites")
    add("--paper", action="append", default=[], metavar="TABLE",
        help="layout of the paper, table2 to table6, or `all` that fit; repeatable")  # fmt: skip
    add("--out", type=Path, help="default: tables/ in each suite's folder")
    add("--keep", type=Path, metavar="DIR", help="copy the run into DIR/<suite>, without pictures")
    add("--markdown", type=Path, nargs="+", metavar="FILE", help="documents to fill from kept runs")
    add("--check", action="store_true", help="with --markdown: only say what differs, exit 1")
    add("--kept", type=Path, metavar="DIR",
        help="kept runs that documents name (default: results/models of the checkout)")  # fmt: skip
    options = parser.parse_args(argv)
    if (options.run is None) == (options.markdown is None):
        parser.error("give either RUN or --markdown FILE...")
    return options


def main(argv: list[str] | None = None) -> int:
    """Write the tables of one run, or of every run under a folder; keep runs; or fill documents."""
    options = parse(argv)
    require_bench_extra()
    return _documents(options) if options.markdown else _runs(options)


def _runs(options: argparse.Namespace) -> int:
    from bench.records.finished import suite_folders
    from bench.records.kept import keep
    from bench.typesetting.paper import chosen_layouts, write_tables

    folders = suite_folders(options.run)
    if not folders:
        raise InputError(f"found no finished run in {options.run}: run `python -m bench.run` first")
    for folder in folders:
        if options.keep:
            print(f"kept {keep(folder, options.keep)}")
            continue
        out = options.out / folder.name if options.out else folder / "tables"
        for path in write_tables(folder, chosen_layouts(folder, options.paper), out):
            print(f"wrote {path}")
    return 0


def _documents(options: argparse.Namespace) -> int:
    """1 when something differs under `--check`."""
    from bench.documents.upkeep import examine, update
    from bench.records.kept import KEPT

    kept = options.kept or KEPT
    if options.check:
        found = examine(options.markdown, kept).differences
    else:
        found = update(options.markdown, kept)
    print("\n".join([*found, f"{len(found)} places {'differ' if options.check else 'changed'}"]))
    return 1 if options.check and found else 0


if __name__ == "__main__":
    run_command(main)
