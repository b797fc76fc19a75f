"""Do generated pictures repeat training pictures? `python -m bench.nearest RUN --training DIR`.

RUN is a finished run of an unpaired suite. The distance of each generated picture to its nearest
training picture is held against that of the run's real pictures, which must be held out, in pixels
(averaged to 32x32) and in a network's features. Beside the records it writes `nearest.json`,
`nearest.csv` with every picture, and `nearest-SYSTEM.png`, which `bench.report` shows.
"""

import argparse
from pathlib import Path

from bench.base.extra import require_bench_extra
from sr3.base.commands import Parser, program
from sr3.base.errors import run_command


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = Parser(prog=program("bench.nearest"), description=__doc__)
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="folder of an unpaired suite's records")
    add("--training", type=Path, required=True, metavar="DIR",
        help="the pictures that the systems were trained on, of the run's size")  # fmt: skip
    add("--systems", metavar="NAME,...", help="of the run (default: all)")
    add("--extractor", default="efficientnet_lite0",
        help="whose features are compared (default: efficientnet_lite0, offline)")  # fmt: skip
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU if any")
    add("--seed", type=int, default=0, help="of the resampling")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Compare and print a line per system and space."""
    options = parse(argv)
    require_bench_extra()
    from bench.memorisation.question import Question, ask
    from bench.running.config import choose_device

    systems = options.systems.split(",") if options.systems else None
    device = choose_device(options.device)
    question = Question(
        options.run, options.training, systems, options.extractor, device, options.seed
    )
    print(ask(question))
    return 0


if __name__ == "__main__":
    run_command(main)
