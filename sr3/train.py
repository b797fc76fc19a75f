"""Train a model: `python -m sr3.train RECIPE --data PATH --out FOLDER [--set KEY=VALUE]`.

The same command goes on from the last saved state. RECIPE is a shipped one or a TOML file; PATH is
a folder of pictures, of tar shards or of Parquet files. For several processes put `torchrun
--nproc-per-node N -m sr3.train` in place of `python -m sr3.train`. Exit codes: 0 done, 2 bad input,
74 disk full, 75 stopped by a signal with the state saved, 76 training diverged.
"""

import argparse
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from sr3.base.commands import Parser, program
from sr3.base.errors import InputError, run_command

if TYPE_CHECKING:
    from sr3.training.run import Run


def parse(argv: list[str] | None) -> argparse.Namespace:
    from sr3.machine.options import RunOptions
    from sr3.training import logs

    parser = Parser(prog=program("sr3.train"), description=__doc__)
    _add_what(parser.add_argument_group("what to train").add_argument)
    add = parser.add_argument_group("logs and states").add_argument
    add("--logger", action="append", choices=(*logs.KINDS, "none"),
        help="where numbers go beside log.jsonl; repeatable (default: tensorboard)")  # fmt: skip
    default = RunOptions()
    add("--log-every", type=int, default=default.log_every, metavar="STEPS",
        help="steps between lines of the log")  # fmt: skip
    add("--check-every", type=int, default=default.check_every, metavar="STEPS",
        help="steps between looks at the loss; 0: each on a CPU, 10 on a GPU")  # fmt: skip
    add("--keep", type=int, default=default.keep, metavar="STATES",
        help="newest states that stay on disk")  # fmt: skip
    _add_machine(parser.add_argument_group("machine", "speed and memory only").add_argument)
    return parser.parse_args(argv)


def _add_what(add: Callable[..., object]) -> None:
    add("recipe", nargs="?", help="a shipped recipe or a TOML file (default: the one of --config)")
    add("--config", metavar="RECIPE", help="the same, as an option (default: the first argument)")
    add("--set", action="append", default=[], metavar="KEY=VALUE",
        help="a setting of the recipe to change; repeatable (default: as the recipe)")  # fmt: skip
    add("--data", type=Path, action="append", required=True, metavar="PATH",
        help="folder of pictures, tar shards or Parquet files; repeatable, no default")  # fmt: skip
    add("--labels", metavar="FILE",
        help="classes of a generator: a JSONL or CSV file, `folder` or `wordnet` "
        "(default: none)")  # fmt: skip
    add("--label-column", action="append", default=[], metavar="NAME",
        help="column of that file; repeated, their values together are the class "
        "(default: none; a file needs one)")  # fmt: skip
    add("--out", type=Path, required=True, metavar="FOLDER",
        help="folder of the run, which goes on where it is; no default")  # fmt: skip
    add("--init-from", metavar="WEIGHTS",
        help="start from these weights, a file or the name of shipped ones such as face8x-sr3, of "
        "the same network with or without attention in its levels, or of the same generator "
        "without classes and learned variance (default: random)")  # fmt: skip
    add("--teacher", metavar="WEIGHTS",
        help="model to distil, and to start from, a file or the name of shipped weights "
        "(default: none)")  # fmt: skip


def _add_machine(add: Callable[..., object]) -> None:
    from sr3.machine.options import RunOptions

    default = RunOptions()
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU if any")
    add("--threads", type=int, help="CPU threads of each process (default: PyTorch's)")
    add("--micro-batch", type=int, default=default.micro_batch, metavar="PICTURES",
        help="pictures a process takes at once, gradients adding up; 0: all")  # fmt: skip
    add("--strategy", choices=("ddp", "fsdp"), default=default.strategy,
        help="ddp copies the weights to every process, fsdp shards them")  # fmt: skip
    add("--recompute", action="store_true",
        help="activation checkpointing: less memory, more time (default: off)")  # fmt: skip
    add("--compile", choices=("off", "on", "cudagraphs"), default=default.compile,
        help="torch.compile of the network; cudagraphs replays GPU graphs")  # fmt: skip
    add("--no-channels-last", dest="channels_last", action="store_false",
        help="plain memory layout of activations (default: channels last)")  # fmt: skip
    add("--no-fused", dest="fused", action="store_false",
        help="unfused optimiser (default: fused)")  # fmt: skip
    add("--workers", type=int, default=default.workers, metavar="PROCESSES",
        help="processes that read pictures; 0: the training's own")  # fmt: skip
    add("--prefetch", type=int, default=default.prefetch, metavar="BATCHES",
        help="batches that each of them reads ahead")  # fmt: skip
    add("--cache-gib", type=float, default=default.cache_gib, metavar="GIB",
        help="memory for decoded pictures; sets that fit are decoded once")  # fmt: skip
    add("--deterministic", action="store_true",
        help="bit-exact sums on a GPU too (default: off; a CPU's are)")  # fmt: skip


def run_of(args: argparse.Namespace) -> "Run":
    """What the arguments ask for; InputError where they cannot be."""
    from sr3.data.labels import Labelling
    from sr3.machine.options import RunOptions
    from sr3.networks.checkpoint import find_weights
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
        init_from=find_weights(args.init_from) if args.init_from else None,
        teacher=find_weights(args.teacher) if args.teacher else None,
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
