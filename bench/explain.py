"""Why does a number differ from a published one? `python -m bench.explain RUN --paper table2`.

Computes PSNR, SSIM and consistency of a finished run again under every convention in use (RGB or
luma, border, SSIM window, pooled or mean, downsampling kernel) and says which of them would explain
the difference. RUN is a suite's folder of records, such as results/runs/face8x.
"""

import argparse
import math
from pathlib import Path

from bench.base.extra import require_bench_extra
from sr3.base.commands import Parser, program
from sr3.base.errors import InputError, run_command


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = Parser(prog=program("bench.explain"), description=__doc__)
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="folder of a suite's records")
    add("--paper", metavar="TABLE", help="published table, such as table2")
    add("--value", type=_value, action="append", default=[], metavar="SYSTEM:METRIC=NUMBER",
        help="any other published number, in the unit that tables print; repeatable")  # fmt: skip
    add("--match", type=_pair, action="append", default=[], metavar="SYSTEM=ROW",
        help="row of the table that a system of the run stands for; repeatable")  # fmt: skip
    add("--limit", type=int, help="use only the first N images")
    add("--json", type=Path, metavar="FILE", help="write everything there too")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Print every convention of every claim, and the verdicts."""
    options = parse(argv)
    require_bench_extra()
    from bench.comparison.explanation import claim_of_number, claims_of_paper, explain
    from bench.records.finished import read_finished
    from bench.typesetting.explanation_text import caveat, render, to_json
    from sr3.base.files import write_json

    finished = read_finished(options.run)
    claims = [claim_of_number(finished, *value) for value in options.value]
    if options.paper:
        claims = [*claims_of_paper(finished, options.paper, dict(options.match)), *claims]
    if not claims:
        raise InputError(
            "found no published number of a system in this run: give --paper with --match, "
            f"or --value; the run has {', '.join(r.system for r in finished.measured)}"
        )
    explanations = [explain(finished, claim, options.limit) for claim in claims]
    print("\n\n".join(render(e) for e in explanations))
    print(f"\n{caveat(finished, options.paper)}")
    if options.json:
        write_json(options.json, [to_json(e) for e in explanations])
    return 0


def _value(text: str) -> tuple[str, str, str]:
    names, _, number = text.partition("=")
    system, _, metric = names.partition(":")
    if not metric or not _is_number(number):
        raise argparse.ArgumentTypeError(f"found {text!r}, wanted SYSTEM:METRIC=NUMBER")
    return system, metric, number


def _pair(text: str) -> tuple[str, str]:
    system, separator, row = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"found {text!r}, wanted SYSTEM=ROW")
    return system, row


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


if __name__ == "__main__":
    run_command(main)
