"""One self-contained HTML page of a finished run: `python -m bench.report results/runs/face8x`.

Works offline and loads nothing: table, plots with intervals, comparisons, error against naturalness
where a model was sampled in several ways, spectrum, worst and best images, tiles sortable by any
metric or by the disagreement of two, error and consistency maps, provenance.
"""

from pathlib import Path

from bench.base.extra import require_bench_extra
from sr3.base.commands import Parser, program
from sr3.base.errors import run_command


def main(argv: list[str] | None = None) -> int:
    """Write the page."""
    parser = Parser(prog=program("bench.report"), description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a suite's records")
    parser.add_argument("--out", type=Path, help="default: report.html in that folder")
    parser.add_argument("--images", type=int, default=48, help="tiles shown (default 48)")
    parser.add_argument("--tradeoff", type=Path, metavar="FILE",
        help="instead of the page, only its picture of error against naturalness, .png or .svg "
        "(default: the page)")  # fmt: skip
    options = parser.parse_args(argv)
    require_bench_extra()
    if options.tradeoff:
        from bench.plots.tradeoff import write_tradeoff_of

        write_tradeoff_of(options.run, options.tradeoff)
        print(f"wrote {options.tradeoff}")
        return 0
    from bench.reporting.page import write_page

    out = write_page(options.run, options.out or options.run / "report.html", options.images)
    print(f"wrote {out} ({out.stat().st_size / 2**20:.1f} MiB)")
    return 0


if __name__ == "__main__":
    run_command(main)
