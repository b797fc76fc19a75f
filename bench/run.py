"""Run a suite: `python -m bench.run --suite face8x`.

Makes every system's images (or finds them, by content), measures them and writes records,
per-image values, tables and a contact sheet under `--out`. A second run takes seconds; an
interrupted one goes on with the same command.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bench.base.arguments import positive
from bench.base.extra import require_bench_extra
from sr3.base.commands import program
from sr3.base.errors import run_command

if TYPE_CHECKING:
    from bench.running.config import RunConfig

NOT_OF_THE_RUN = ("groups", "require", "dry_run")  # of the command alone


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog=program("bench.run"), description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add = parser.add_argument
    add("--suite", default="face8x", help="name of a suite, or the path of your own .py file")
    add("--data", type=Path, help="folder of HR images (default: BENCH_DATA, then embedded)")
    add("--systems", type=_names, help="comma-separated names or .py paths (default: the suite's)")
    add("--metrics", type=_names, help="comma-separated names or .py paths (default: the suite's)")
    add("--limit", type=positive, help="use only the first N images by name")
    add("--seed", type=int, default=0, help="of the noise, per image (default 0)")
    add("--sampler", help="of sr3 (default: the checkpoint's)")
    add("--steps", type=positive, help="refinement steps of sr3 (default: the checkpoint's)")
    add("--schedule", help="of sr3: a text, or a file by `python -m sr3.search`")
    add("--temperature", type=float, help="of sr3's noise, 0 to 2 (default: the checkpoint's)")
    add("--spread", type=float, help="of sr3: 0 the mean, 1 a sample (default: the checkpoint's)")
    add("--consistent", action="store_true", help="project sr3's outputs onto the LR input")
    add("--system", dest="imports", type=_pair, action="append", default=[], metavar="NAME=PATH",
        help="a row of its own from a folder of outputs, a manifest (.toml) or a public checkpoint "
        "(.pth, .safetensors); repeatable")  # fmt: skip
    add("--accept", type=_names, default=(), metavar="CHECK,...",
        help="take these findings of `python -m bench.check` about imports knowingly")  # fmt: skip
    add("--checkpoint", dest="checkpoints", type=_pair, action="append", default=[],
        metavar="NAME=FILE",
        help="weights of a system instead of the shipped ones; repeatable")  # fmt: skip
    add("--samples", type=positive, default=4, help="K of the diversity metric (default 4)")
    add("--batch-size", type=positive, help="images sampled at once; results do not depend on it")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add("--precision", choices=("auto", "bf16", "float32"), default="auto",
        help="of sampling; auto: bf16 where the device has it")  # fmt: skip
    add("--out", type=Path, default=Path("results/runs"), help="default results/runs")
    add("--groups", help="JSONL or CSV of image attributes, or `embedded`: metrics by group")
    add("--require", action="store_true", help="exit 1 when a metric or system is unavailable")
    add("--dry-run", action="store_true", help="check everything, print the plan, write nothing")
    return parser.parse_args(argv)


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
    from bench.running.config import RunConfig, choose_device
    from bench.running.processes import world_of

    world = world_of()
    device = choose_device(options.device, world.local_rank)
    told = {name: value for name, value in vars(options).items() if name not in NOT_OF_THE_RUN}
    told |= {"device": device, "imports": dict(options.imports), "world": world}
    told["checkpoints"] = dict(options.checkpoints)
    told["batch_size"] = options.batch_size or (32 if device.startswith("cuda") else 8)
    return RunConfig(**told)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in (part.strip() for part in text.split(",")) if name)


def _pair(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"found {text!r}, wanted NAME=PATH")
    return name, Path(path)


if __name__ == "__main__":
    run_command(main)
