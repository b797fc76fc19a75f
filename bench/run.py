"""Run a suite: `python -m bench.run --suite face8x`.

Makes every system's images (or finds them, by content), measures them and writes records,
per-image values, tables and a contact sheet under `--out`. A second run takes seconds; an
interrupted one goes on with the same command.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.base.arguments import positive
from bench.base.extra import require_bench_extra
from sr3.base.commands import Parser, program
from sr3.base.errors import InputError, run_command

if TYPE_CHECKING:
    from bench.running.config import RunConfig

NOT_OF_THE_RUN = ("groups", "require", "dry_run")  # of the command alone


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = Parser(prog=program("bench.run"), description=__doc__)
    _add_data(parser.add_argument_group("data", "what is measured, and on what").add_argument)
    _add_systems(parser.add_argument_group("systems", "whose images").add_argument)
    _add_sampling(parser.add_argument_group("sampling", "of sr3 and its twin").add_argument)
    _add_output(parser.add_argument_group("output", "where to").add_argument)
    add = parser.add_argument_group("machine", "speed; results do not depend on it").add_argument
    add("--batch-size", type=positive, metavar="N",
        help="images sampled at once (default: 8, or 32 on a GPU)")  # fmt: skip
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU if any")
    return parser.parse_args(argv)


def _add_data(add: Callable[..., object]) -> None:
    add("--suite", default="face8x", help="name of a suite, or the path of your own .py file")
    add("--data", type=Path, metavar="DIR",
        help="folder of HR images (default: BENCH_DATA, then embedded)")  # fmt: skip
    add("--lr", type=Path, metavar="DIR",
        help="folder of LR files; which operator made them is measured and recorded "
        "(default: LR is made from HR)")  # fmt: skip
    add("--limit", type=positive, metavar="N", help="the first N images by name (default: all)")
    add("--metrics", type=_names, metavar="NAME,...",
        help="names or .py paths (default: the suite's)")  # fmt: skip
    add("--groups", metavar="FILE",
        help="JSONL or CSV of image attributes, or `embedded`: metrics by group too "
        "(default: none)")  # fmt: skip


def _add_systems(add: Callable[..., object]) -> None:
    add("--systems", type=_names, metavar="NAME,...",
        help="names or .py paths (default: the suite's)")  # fmt: skip
    add("--system", dest="imports", type=_pair, action="append", default=[], metavar="NAME=PATH",
        help="a row of its own from a folder of outputs, a manifest (.toml) or a public checkpoint "
        "(.pth, .safetensors); repeatable (default: none)")  # fmt: skip
    add("--accept", type=_names, default=(), metavar="CHECK,...",
        help="findings of `python -m bench.check` about imports that are taken knowingly "
        "(default: none)")  # fmt: skip
    add("--training", type=Path, metavar="DIR",
        help="the pictures that generators were trained on: unpaired suites look for near copies "
        "(default: none)")  # fmt: skip
    add("--setting", dest="settings", type=_named, action="append", default=[],
        metavar="NAME=SYSTEM:KEY=VALUE,...",
        help="a row of its own: a system sampled in another way, such as "
        "soft=sr3:temperature=0.85,spread=0.65; repeatable (default: none)")  # fmt: skip
    add("--checkpoint", dest="checkpoints", type=_pair, action="append", default=[],
        metavar="NAME=FILE",
        help="weights of a system; repeatable (default: the shipped ones)")  # fmt: skip


def _add_sampling(add: Callable[..., object]) -> None:
    of_weights = "(default: the weights' own)"
    add("--seed", type=int, default=0, help="of the noise, per image")
    add("--sampler", metavar="NAME", help=f"way from noise to image {of_weights}")
    add("--steps", type=positive, metavar="N", help=f"refinement steps {of_weights}")
    add("--schedule", metavar="TEXT|FILE",
        help=f"of the noise, or a file by `python -m sr3.search` {of_weights}")  # fmt: skip
    add("--temperature", type=float, metavar="T",
        help=f"deviation of the noise, 0 to 2 {of_weights}")  # fmt: skip
    add("--spread", type=float, metavar="S", help=f"0 the mean, 1 a sample {of_weights}")
    add("--start", metavar="WEIGHTS[@LOG_SNR]|noise",
        help=f"regression weights that SR3 starts at, or noise {of_weights}")  # fmt: skip
    add("--consistent", action="store_true",
        help="project outputs onto the input (default: off, as the paper)")  # fmt: skip
    add("--samples", type=positive, default=4, metavar="K", help="per input, for `diversity`")
    add("--precision", choices=("auto", "bf16", "float32"), default="auto",
        help="auto: bf16 where the device has it")  # fmt: skip


def _add_output(add: Callable[..., object]) -> None:
    add("--out", type=Path, default=Path("results/runs"), metavar="DIR",
        help="for a folder per suite")  # fmt: skip
    add("--require", action="store_true",
        help="exit 1 when a metric or system is unavailable (default: a dash)")  # fmt: skip
    add("--dry-run", action="store_true", help="check everything, print the plan, write nothing")


def main(argv: list[str] | None = None) -> int:
    """Run; 1 when a system crashed, or something was unavailable under `--require`."""
    options = parse(argv)
    require_bench_extra()
    from bench.comparison.attributes import read_attributes, require_rows, resolve
    from bench.reporting.group_files import write_groups
    from bench.running.plan import plan
    from bench.running.runner import run
    from bench.typesetting import text  # after the check: a plain install has no torch

    by = resolve(options.groups) if options.groups else None
    attributes = read_attributes(by) if by else None  # before the images, which take longer
    planned = plan(_config(options))
    if by is not None and planned.named.suite.unpaired:
        raise InputError(f"found --groups, suite {planned.named.name} has no values per image")
    if attributes is not None:
        require_rows(attributes, [item.stem for item in planned.images.items])
    world = planned.config.world
    if world.is_first:
        print("\n".join(planned.lines()))
    if options.dry_run:
        return 0
    result = run(planned)
    world.close()
    if result is None:
        return 0
    print(f"\n{text.render(result.table)}")
    if by is not None:
        write_groups(result.folder, by)
        print(f"metrics and gains by group are in {result.folder / 'groups.txt'} and groups*.png")
    print(f"records, table.tex and sheet.png are in {result.folder}")
    if result.failed:
        print(f"failed: {', '.join(result.failed)}")
    return 1 if result.failed or (options.require and not result.is_whole) else 0


def _config(options: argparse.Namespace) -> "RunConfig":
    from bench.running.config import RunConfig, choose_device, read_setting
    from bench.running.processes import world_of

    world = world_of()
    device = choose_device(options.device, world.local_rank)
    told = {name: value for name, value in vars(options).items() if name not in NOT_OF_THE_RUN}
    told |= {"device": device, "imports": dict(options.imports), "world": world}
    told["checkpoints"] = dict(options.checkpoints)
    told["settings"] = {name: read_setting(text) for name, text in options.settings}
    if len(told["settings"]) < len(options.settings):
        raise InputError("found two --setting of one NAME, wanted one row of each name")
    told["batch_size"] = options.batch_size or (32 if device.startswith("cuda") else 8)
    return RunConfig(**told)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in (part.strip() for part in text.split(",")) if name)


def _pair(text: str) -> tuple[str, Path]:
    name, path = _named(text, "PATH")
    return name, Path(path)


def _named(text: str, wanted: str = "SYSTEM:KEY=VALUE,...") -> tuple[str, str]:
    name, equals, rest = text.partition("=")
    if not (name and equals and rest):
        raise argparse.ArgumentTypeError(f"found {text!r}, wanted NAME={wanted}")
    return name, rest


if __name__ == "__main__":
    run_command(main)
