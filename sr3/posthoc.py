"""Averages of any width after the training: `python -m sr3.posthoc RUN --width 0.08 --out FILE`.

A run whose recipe sets snapshot_every keeps copies of its averages. Their best mixture comes close
to the average of any other width, at the last snapshot or at an earlier step (Karras et al. 2024,
section 3.2 and appendix C). Prints how close the profile is that was reached.
"""

import argparse
from pathlib import Path

from sr3.base.commands import Parser, program
from sr3.base.errors import run_command


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(prog=program("sr3.posthoc"), description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a training run")
    parser.add_argument("--width", type=float, required=True, help="relative width sigma_rel")
    parser.add_argument("--step", type=int, help="default: the last snapshot's")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="weights to write")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    from sr3.optimization.snapshots import reconstruct

    far = reconstruct(args.run, args.width, args.step, args.out)
    print(f"wrote {args.out}: width {args.width:g}, profile within {far:.1%} of the wanted one")
    return 0


if __name__ == "__main__":
    run_command(main)
