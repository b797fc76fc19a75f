"""From a benchmark to a study: `python -m bench.study --run RUN --systems A,B --out DIR`.

Takes the images and outputs of a finished run, verifies them against its records and writes a
stimulus folder for `python -m twoafc_server create`: plain 8-bit RGB PNGs named by the SHA-256 of
their bytes, and a manifest that alone knows what they are.
"""

import argparse
from pathlib import Path

from bench.base.extra import require_bench_extra
from sr3.base.commands import Parser, program
from sr3.base.errors import run_command


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = Parser(prog=program("bench.study"), description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of a suite's records")
    parser.add_argument("--systems", required=True, help="systems of the run, by comma")
    parser.add_argument("--out", type=Path, required=True, help="stimulus folder to write")
    parser.add_argument("--suite", metavar="FILE", help="the run's suite, where it is your own .py")
    parser.add_argument("--data", type=Path, help="folder of HR images, as it was for bench.run")
    parser.add_argument(
        "--lr", type=Path, metavar="DIR",
        help="folder of given LR, as it was for bench.run (default: LR is made from HR)",
    )  # fmt: skip
    parser.add_argument("--images", type=int, help="test images; default: all but the held-out")
    parser.add_argument("--practice", type=int, default=5, help="practice images (default 5)")
    parser.add_argument("--catch", type=int, default=8, help="catch images (default 8)")
    parser.add_argument(
        "--extra",
        type=Path,
        help="folder of HR images for practice and catch; default: held out of the run's images",
    )
    parser.add_argument("--seed", type=int, default=0, help="which images are held out")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Write the stimulus folder; returns the exit code."""
    options = parse(argv)
    require_bench_extra()
    from bench.reporting.stimuli import Wanted, choose, read_run, require_same, write_stimuli

    wanted = Wanted(
        data=options.data,
        lr=options.lr,
        images=options.images,
        practice=options.practice,
        catch=options.catch,
        extra=options.extra,
        seed=options.seed,
    )
    suite_name, outputs = read_run(options.run, options.systems.split(","))
    if options.suite is not None:
        suite_name = require_same(options.suite, suite_name)
    chosen = choose(wanted, suite_name, set.intersection(*map(set, outputs.values())))
    content = write_stimuli(options.run, suite_name, outputs, chosen, options.out)
    print(
        f"wrote {options.out}: {len(chosen.test)} test, {len(chosen.practice)} practice and "
        f"{len(chosen.catch)} catch images, systems {', '.join(content['systems'])}"
    )
    return 0


if __name__ == "__main__":
    run_command(main)
