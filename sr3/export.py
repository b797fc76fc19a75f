"""Turn weights of a training run into a file to ship: `python -m sr3.export WEIGHTS OUT`.

Half precision, the sampling defaults stamped into the description, provenance kept; the learning
curve goes to --curves as a small CSV. With --diffusers, OUT is a folder that diffusers loads.
"""

import argparse
from pathlib import Path

from sr3.base.commands import Parser, program
from sr3.base.errors import InputError, run_command
from sr3.base.files import sha256_of_file


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(prog=program("sr3.export"), description=__doc__)
    parser.add_argument("weights", help="ema-*.safetensors of a run, or shipped weights by name")
    parser.add_argument("out", type=Path, help="file to write, or folder with --diffusers")
    parser.add_argument("--sampler", help="default to stamp in (default: the run's)")
    parser.add_argument("--steps", type=int, help="default to stamp in (default: the run's)")
    parser.add_argument("--schedule", help="default to stamp in; a star stands for the steps")
    parser.add_argument(
        "--temperature", type=float, help="default to stamp in (default: the run's)"
    )
    parser.add_argument("--spread", type=float, help="default to stamp in (default: the run's)")
    parser.add_argument(
        "--start", metavar="NAME[@LOG_SNR]|noise",
        help="default to stamp in: regression weights beside OUT, or shipped (default: the run's)",
    )  # fmt: skip
    parser.add_argument(
        "--diffusers", action="store_true", help="write a folder that diffusers loads"
    )
    parser.add_argument("--curves", type=Path, metavar="CSV", help="write the run's curves there")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    from sr3.networks import checkpoint
    from sr3.networks import start as starts
    from sr3.training.logs import write_curves

    weights = checkpoint.find_weights(args.weights)
    chosen = args.sampler, args.steps, args.schedule, args.temperature, args.spread
    if args.diffusers:
        from sr3.exchange.diffusers_folder import write_folder

        if args.start not in (None, *starts.NOISES):
            raise InputError("found --start with --diffusers, whose pipeline starts at noise")
        write_folder(weights, args.out, *chosen)
        print(f"{args.out}: for DiffusionPipeline.from_pretrained(..., trust_remote_code=True)")
    else:
        if args.start is not None:  # refused before anything is written
            starts.check_default(checkpoint.load_model(weights), args.out, args.start)
        size = checkpoint.export_model(weights, args.out, *chosen, args.start)
        print(f"{args.out}: {size / 1e6:.1f} MB, SHA-256 {sha256_of_file(args.out)}")
    if args.curves:
        write_curves(weights.parent, args.curves)
    return 0


if __name__ == "__main__":
    run_command(main)
