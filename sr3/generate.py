"""Generate pictures from noise: `python -m sr3.generate WEIGHTS OUT --n 64`.

WEIGHTS is a generator's file or the name of shipped ones. Weights that know classes make all of
them in turn, or those of --class. OUT gets numbered PNG, generate.json with all that decided them,
and sheets/contact.png. Several processes share the work under `torchrun -m sr3.generate`; a run
that was interrupted goes on with the same command.
"""

import argparse
from pathlib import Path

from sr3.base.commands import Parser, program, share_cores
from sr3.base.errors import run_command


def parse(argv: list[str] | None) -> argparse.Namespace:
    from sr3.diffusion import samplers
    from sr3.networks.precision import CHOICES

    parser = Parser(prog=program("sr3.generate"), description=__doc__)
    add = parser.add_argument
    add("weights", metavar="WEIGHTS", help="file or shipped name of a generator's weights")
    add("out", type=Path, metavar="OUT", help="folder for the pictures")
    add("-n", "--n", type=int, default=64, metavar="N", help="pictures (default: %(default)s)")
    add("--class", dest="classes", action="append", default=[], metavar="NAME",
        help="only this class, or several in turn; none: without a class")  # fmt: skip
    add("--guidance", type=float, default=0.0, metavar="W", help="classifier-free, 0 is none")
    add("--sampler", choices=list(samplers.INFO), help="default: the model's")
    add("--steps", type=int, help="refinement steps (default: the model's)")
    add("--schedule", metavar="TEXT|FILE",
        help="training, SHAPE:STEPS[:NUMBER...] or a file (default: the model's)")  # fmt: skip
    add("--eta", type=float, help="fresh noise, 0 to 1 (default: as the sampler; ddim, dpmpp-2m)")
    add("--temperature", type=float, help="deviation of the noise, 0 to 2 (default: the model's)")
    add("--seed", type=int, default=0, help="of the noise, per picture")
    add("--batch-size", type=int, default=16, help="pictures at once")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU if any")
    add("--precision", choices=CHOICES, default="auto", help="auto: bf16 where the device has it")
    add("--compile", action="store_true", help="compile the network first (pays on a GPU)")
    add("--overwrite", action="store_true", help="make everything again")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    share_cores()
    args = parse(argv)
    from sr3.sampling.generator_run import Run, generate

    print(generate(Run(**vars(args))))
    return 0


if __name__ == "__main__":
    run_command(main)
