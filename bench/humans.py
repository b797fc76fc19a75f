"""People beside metrics: `python -m bench.humans --run RUN --study DIR`.

RUN is the folder of a finished suite, DIR what `python -m twoafc_server analyse ... --out DIR`
wrote; the two meet in these files only. Written under RUN/humans: the suite's table with the fool
rate as a column (`table.txt`, `table.tex`), every image's human rate beside its metrics
(`images.csv`), the rank correlations of the two (`correlations.csv`), their scatter plots, and
`study.json`, from which `bench.tables` and `bench.report` take the column thereafter.
"""

import argparse
from pathlib import Path

from bench.base.extra import require_bench_extra
from sr3.base.commands import Parser, program
from sr3.base.errors import run_command


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = Parser(prog=program("bench.humans"), description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of a suite's records")
    parser.add_argument("--study", type=Path, required=True, help="folder of the study's analysis")
    parser.add_argument("--out", type=Path, help="default: RUN/humans")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (default 0)")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Join a run and a study; returns the exit code."""
    options = parse(argv)
    require_bench_extra()
    from bench.comparison.human_rates import read_study
    from bench.records.finished import read_finished
    from bench.reporting.human_files import write_humans

    finished, study = read_finished(options.run), read_study(options.study)
    joined = write_humans(finished, study, options.out, options.seed)
    print(joined.table)
    print(joined.correlations)
    print(f"table, images.csv, correlations.csv and scatter plots are in {joined.folder}")
    return 0


if __name__ == "__main__":
    run_command(main)
