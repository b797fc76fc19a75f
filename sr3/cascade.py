"""Large pictures from noise: `python -m sr3.cascade CONFIG OUT --n 16`.

CONFIG is a shipped cascade's name or a TOML file: a generator, and stages that each enlarge what
the one before made. OUT gets the last stage's pictures as numbered PNG, those of the others in
stages/, cascade.json with all that decided them, and sheets/stages.png. Several processes share the
work under `torchrun -m sr3.cascade`; a run that was interrupted goes on with the same command.
"""

import argparse
from pathlib import Path

from sr3.base.commands import Parser, program, share_cores
from sr3.base.errors import run_command


def parse(argv: list[str] | None) -> argparse.Namespace:
    from sr3.networks.precision import CHOICES

    parser = Parser(prog=program("sr3.cascade"), description=__doc__)
    add = parser.add_argument
    add("config", metavar="CONFIG", help="shipped name or TOML file of a cascade")
    add("out", type=Path, metavar="OUT", help="folder for the pictures")
    add("-n", "--n", type=int, default=16, metavar="N", help="pictures (default: %(default)s)")
    add("--class", dest="classes", action="append", default=[], metavar="NAME",
        help="only this class, or several in turn; none: without a class")  # fmt: skip
    add("--guidance", type=float, default=0.0, metavar="W", help="classifier-free, 0 is none")
    add("--stages", type=int, metavar="K",
        help="only the first K stages, the generator counted (default: all)")  # fmt: skip
    add("--weights", action="append", default=[], metavar="NUMBER=FILE",
        help="weights of a stage in place of those of CONFIG; 1: the generator")  # fmt: skip
    add("--seed", type=int, default=0, help="of the noise, per picture and stage")
    add("--batch-size", type=int, default=8, help="pictures that go through the stages together")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU if any")
    add("--precision", choices=CHOICES, default="auto", help="auto: bf16 where the device has it")
    add("--compile", action="store_true", help="compile the networks first (pays on a GPU)")
    add("--overwrite", action="store_true", help="make everything again")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    share_cores()
    args = parse(argv)
    from sr3.cascading.run import Run, make

    print(make(Run(**vars(args))))
    return 0


if __name__ == "__main__":
    run_command(main)
