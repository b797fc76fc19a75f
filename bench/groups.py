"""Every per-image metric by group: is a system worse, or less of a gain, for some people?

    python -m bench.groups results/runs/face8x --groups embedded
    python -m bench.groups results/runs/face8x --groups embedded --table psnr    # for a document

The paper names bias among the limits of such models and measures none. Attributes come from a JSONL
or CSV file with a row per image; here they are cut into groups. Each has the mean of a metric with
its 95 % interval, and the mean gain over a baseline on the same images, which takes out how hard
the images of a group are. The groups of an attribute are compared by a Kruskal-Wallis test,
Holm-corrected over the attributes. Set-level metrics are left out: a Frechet distance depends on
the size of its set, so those of groups of different size cannot be compared.
"""

from pathlib import Path

from bench.base.extra import require_bench_extra
from sr3.base.commands import Parser, program
from sr3.base.errors import run_command


def main(argv: list[str] | None = None) -> int:
    """Break a finished run down."""
    parser = Parser(prog=program("bench.groups"), description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a suite's records")
    parser.add_argument("--groups", required=True, help="JSONL or CSV file, or `embedded`")
    parser.add_argument("--baseline", help="system that gains are over (default bicubic)")
    parser.add_argument("--table", metavar="METRIC", help="print only this, as a Markdown table")
    options = parser.parse_args(argv)
    require_bench_extra()
    from bench.comparison.attributes import resolve
    from bench.reporting.group_files import write_groups
    from bench.typesetting import group_text, markdown
    from bench.typesetting.group_table import group_table

    found = write_groups(options.run, resolve(options.groups), options.baseline)
    if options.table:
        print(markdown.render(group_table(found, options.table), markdown.Choice(with_n=True)))
    else:
        print(group_text.render(found), end="")
    return 0


if __name__ == "__main__":
    run_command(main)
