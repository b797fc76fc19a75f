"""Train a model: `python -m sr3.train RECIPE --data PATH --out FOLDER [--set KEY=VALUE]`.

The same command goes on from the last saved state. RECIPE is a shipped one or a TOML file; PATH is
a folder of pictures, of tar shards or of Parquet files. For several processes put `torchrun
--nproc-per-node N -m sr3.train` in place of `python -m sr3.train`. Exit codes: 0 done, 2 bad input,
74 disk full, 75 stopped by a signal with the state saved, 76 training diverged.
"""

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from sr3.base.commands import program
from sr3.base.errors import InputError, run_command

if TYPE_CHECKING:
    from sr3.training.run import Run


def parse(argv: list[str] | None) -> argparse.Namespace:
    from sr3.machine.options import RunOptions
    from sr3.training import logs

    parser = argparse.ArgumentParser(
        prog=program("sr3.train"),
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = RunOptions()
    parser.add_argument("recipe", nargs="?", help="a shipped recipe or a TOML file")
    parser.add_argument("--config", metavar="RECIPE", help="the same, as an option")
    parser.add_argument("--data", type=Path, action="append", required=True, metavar="PATH")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--labels", metavar="FILE", help="classes: JSONL, CSV, folder or wordnet")
    parser.add_argument("--label-column", action="append", default=[], metavar="NAME")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--init-from", type=Path, metavar="WEIGHTS")
    parser.add_argument("--teacher", type=Path, metavar="WEIGHTS", help="to distil; also the start")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, help="CPU threads of each process")
    parser.add_argument("--logger", action="append", choices=(*logs.KINDS, "none"))
    add = parser.add_argument_group("machine", "what changes speed and memory only").add_argument
    add("--micro-batch", type=int, default=default.micro_batch, metavar="PICTURES")
    add("--strategy", choices=("ddp", "fsdp"), default=default.strategy)
    add("--recompute", action="store_true", help="activation checkpointing")
    add("--compile", choices=("off", "on", "cudagraphs"), default=default.compile)
    add("--no-channels-last", dest="channels_last", action="store_false")
    add("--no-fused", dest="fused", action="store_false", help="unfused optimiser")
    add("--workers", type=int, default=default.workers, help="processes that read pictures")
    add("--prefetch", type=int, default=default.prefetch, help="batches each reads ahead")
    add("--cache-gib", type=float, default=default.cache_gib, help="of decoded pictures in memory")
    add("--deterministic", action="store_true", help="bit-exact sums on a GPU too")
    add("--keep", type=int, default=default.keep, help="states that stay on disk")
    add("--log-every", type=int, default=default.log_every, metavar="STEPS")
    add("--check-every", type=int, default=default.check_every, metavar="STEPS")
    return parser.parse_args(argv)


def run_of(args: argparse.Namespace) -> "Run":
    """What the arguments ask for; InputError where they cannot be."""
    from sr3.data.labels import Labelling
    from sr3.machine.options import RunOptions
    from sr3.training.config import build, read_recipe
    from sr3.training.run import Run

    if bool(args.recipe) == bool(args.config):
        raise InputError("found no recipe or two, wanted one: as the first argument or --config")
    return Run(
        config=build(read_recipe(args.recipe or args.config), args.set),
        options=RunOptions(**{f.name: getattr(args, f.name) for f in fields(RunOptions)}),
        data=args.data,
        out=args.out,
        labelling=Labelling(args.labels, tuple(args.label_column)) if args.labels else None,
        init_from=args.init_from,
        teacher=args.teacher,
        device=args.device,
        threads=args.threads,
        loggers=tuple(args.logger or ["tensorboard"]),
    )


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    from sr3.training.run import train

    return train(run_of(args))


if __name__ == "__main__":
    run_command(main)
