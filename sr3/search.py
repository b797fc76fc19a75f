"""Find inference schedules: `python -m sr3.search --data FOLDER --steps 4,8,16 --out FOLDER`.

For every step budget, candidates of parametric families are compared by successive halving: all of
them on a few held-out pictures, the better half on twice as many, the last ones on all. Every
candidate sees the same noise. Features are kept under --out, so the same command goes on where it
was interrupted, and a larger search builds on a smaller one. Writes schedule-STEPS.json, which
`sr3.sample --schedule` and suites take, trials.csv, and score against steps as table and picture.
"""

import argparse
from pathlib import Path

from sr3.base.commands import Parser, program
from sr3.base.errors import InputError, run_command


def parse(argv: list[str] | None) -> argparse.Namespace:
    from sr3.diffusion import samplers
    from sr3.networks.checkpoint import DEFAULT_WEIGHTS
    from sr3.networks.precision import CHOICES
    from sr3.searching.space import FAMILIES

    parser = Parser(prog=program("sr3.search"), description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="FOLDER", help="held-out HR pictures")
    add("--out", type=Path, required=True, metavar="FOLDER", help="for schedules and the report")
    add("--weights", default=DEFAULT_WEIGHTS, help="file or shipped name (default: %(default)s)")
    add("--steps", default="4,8,16", metavar="N,N,...", help="step budgets (default: %(default)s)")
    add("--sampler", choices=list(samplers.INFO), help="default: the model's")
    add("--score", default="fd", help="fd, psnr or package.module:factory (default: %(default)s)")
    add("--candidates", type=int, default=24, help="schedules per budget (default: %(default)s)")
    add("--families", default=",".join(FAMILIES), help="shapes to try (default: %(default)s)")
    add("--limit", type=int, metavar="N", help="first N pictures only (default: all)")
    add("--workers", type=int, help="processes (default: the CPU's cores, or 1 on a GPU)")
    add("--consistent", action="store_true", help="search under the consistency projection")
    add("--seed", type=int, default=0, help="of candidates and noise")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where to sample")
    add("--precision", choices=CHOICES, default="auto", help="auto: bf16 where the device has it")
    return parser.parse_args(argv)


def budgets(text: str) -> list[int]:
    """Each number of `text` once, in order; InputError where one is none."""
    try:
        return sorted({int(number) for number in text.split(",")})
    except ValueError as error:
        raise InputError(f"found --steps {text!r}, wanted numbers like 4,8,16") from error


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    from sr3.searching.run import Run, search

    lists = {"steps": budgets(args.steps), "families": args.families.split(",")}
    print(search(Run(**vars(args) | lists)))
    return 0


if __name__ == "__main__":
    run_command(main)
