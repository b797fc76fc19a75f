"""Compare systems on the same images: `python -m bench.compare results/runs/face8x sr3 regression`.

Every pair, metric by metric: a paired bootstrap interval and a sign-flip test (McNemar for errors,
resampled features for sets), Holm's correction over the pairs of a metric, and the share of images
on which each wins. A p-value that ends at the number of draws is printed as "< 0.003". Systems of
different runs are given as files of their records; they must have judged the same HR images.
"""

import argparse
from dataclasses import asdict, fields
from pathlib import Path

from bench.base.extra import require_bench_extra
from sr3.base.commands import Parser, program
from sr3.base.errors import run_command


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = Parser(prog=program("bench.compare"), description=__doc__)
    add = parser.add_argument
    add("what", nargs="+", metavar="RUN|RECORD|SYSTEM",
        help="a suite's folder and systems of it (none: all), or two or more records")  # fmt: skip
    add("--metrics", help="comma-separated (default: all that the systems share)")
    add("--json", type=Path, metavar="FILE", help="write everything there too")
    add("--csv", type=Path, metavar="FILE", help="the same as a table")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Print a line per pair and metric."""
    options = parse(argv)
    require_bench_extra()
    from bench.comparison.pairs import PairLine, compare, read_scores, record_paths
    from bench.typesetting.pair_text import render
    from sr3.base.files import write_csv, write_json

    systems = [read_scores(path) for path in record_paths(options.what)]
    lines = compare(systems, options.metrics.split(",") if options.metrics else None)
    print(render(lines))
    rows = [asdict(line) for line in lines]
    if options.json:
        write_json(options.json, rows)
    if options.csv:
        write_csv(options.csv, [field.name for field in fields(PairLine)], rows)
    return 0


if __name__ == "__main__":
    run_command(main)
