"""Check a folder of another system's outputs: `python -m bench.check DIR --suite natural4x`.

Prints a verdict per check, writes pictures of offenders with --pictures and everything as JSON with
--json. Exit code: 0 clean (or accepted), 1 warnings, 3 refused; 2 where the check could not run.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from bench.base.extra import require_bench_extra
from sr3.base.commands import Parser, program
from sr3.base.errors import InputError, run_command

if TYPE_CHECKING:
    from bench.doctor.report import Report
    from bench.suites.protocol import NamedSuite


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = Parser(prog=program("bench.check"), description=__doc__)
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="the outputs, a picture per HR stem")
    add("--suite", required=True, help="name of a suite, or the path of your own .py file")
    add("--data", type=Path, help="folder of HR images (default: BENCH_DATA, then embedded)")
    add("--lr", type=Path, metavar="DIR",
        help="folder of given LR, as for `bench.run` (default: LR is made from HR)")  # fmt: skip
    add("--limit", type=int, help="check against the first N images by name only")
    add("--training", type=Path, metavar="DIR",
        help="unpaired suites: look for near copies of these pictures (default: none)")  # fmt: skip
    add("--accept", type=_names, default=frozenset(), metavar="CHECK,...",
        help="take the findings of these checks knowingly")  # fmt: skip
    add("--pictures", type=Path, metavar="OUT", help="write pictures of offenders there")
    add("--json", type=Path, metavar="FILE", help="write the report there ('-' prints only it)")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Check, print, and give the severity as exit code."""
    options = parse(argv)
    require_bench_extra()
    from bench.suites.protocol import load_suite
    from sr3.base.files import write_json

    named = load_suite(options.suite)
    report = (_of_generated if named.suite.unpaired else _of_outputs)(options, named)
    if options.json == Path("-"):
        print(json.dumps(report.to_json(), indent=2))
        return report.exit_code
    print("\n".join(report.lines()))
    if options.json:
        write_json(options.json, report.to_json())
    if report.pictures:
        print(f"pictures of offenders are in {options.pictures}")
    return report.exit_code


def _of_outputs(options: argparse.Namespace, named: "NamedSuite") -> "Report":
    from dataclasses import replace

    from bench.base.progress import Counter
    from bench.doctor.examination import check_folder
    from bench.doctor.pictures import draw_offenders
    from bench.images.given_lr import with_given_lr
    from bench.images.hr import open_set

    if options.training:
        raise InputError(f"found --training, suite {named.name} judges outputs beside their HR")
    images = with_given_lr(open_set(named, options.data, options.limit), options.lr, named)
    with Counter(len(images.items), "checking outputs") as counter:
        report = check_folder(options.folder, named, images, options.accept, progress=counter.add)
    if options.pictures:
        drawn = draw_offenders(report, options.folder, named.suite, images, options.pictures)
        report = replace(report, pictures={check: str(path) for check, path in drawn.items()})
    return report


def _of_generated(options: argparse.Namespace, named: "NamedSuite") -> "Report":
    """Pictures that are made from no HR are held against sets."""
    from bench.base.progress import Counter
    from bench.doctor.files import list_stems
    from bench.doctor.generated import check_generated
    from bench.images.generated import open_real

    if options.lr or options.pictures:
        raise InputError(f"found --lr or --pictures, suite {named.name} has no pairs: leave it out")
    named, real = open_real(named, options.data, options.limit)
    with Counter(len(list_stems(options.folder)), "checking pictures") as counter:
        return check_generated(
            options.folder, named, real, options.accept,
            training=options.training, progress=counter.add,
        )  # fmt: skip


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


if __name__ == "__main__":
    run_command(main)
