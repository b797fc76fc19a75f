"""The images of the suites: `python -m bench.data list | verify | prepare | inputs`."""

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from bench.base.arguments import positive
from bench.base.extra import require_bench_extra
from sr3.base.commands import Parser, program
from sr3.base.errors import InputError, run_command

if TYPE_CHECKING:
    from bench.images.preparation import Outcome

SHOWN_BAD = 20


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = Parser(prog=program("bench.data"), description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="suites and where their images would come from")
    verify = commands.add_parser("verify", help="decode and hash the images of a suite")
    prepare = commands.add_parser("prepare", help="make a suite's HR images from a raw folder")
    inputs = commands.add_parser("inputs", help="write a suite's inputs, for other programs")
    for command in (verify, prepare, inputs):
        command.add_argument("--suite", default="face8x", help="name or path of a suite")
    verify.add_argument("--data", type=Path, help="folder of HR images instead of the default")
    prepare.add_argument("source", type=Path, help="FFHQ, CelebA-HQ or ImageNet folder, any depth")
    prepare.add_argument("target", type=Path, help="folder for the HR images")
    prepare.add_argument("--skip-bad", action="store_true", help="leave out undecodable files")
    prepare.add_argument("--limit", type=positive, help="use only the first N source files")
    inputs.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    inputs.add_argument("--data", type=Path, help="folder of HR images, as for bench.run")
    inputs.add_argument("--limit", type=positive, help="of the first N images by name")
    inputs.add_argument(
        "--masks", type=Path, help="folder for the masks of holes, white where something is missing"
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the command; the exit code is 1 when `verify` finds a difference."""
    options = parse(argv)
    require_bench_extra()
    commands = {"list": _list, "verify": _verify, "prepare": _prepare, "inputs": _inputs}
    return commands[options.command](options)


def _list(options: argparse.Namespace) -> int:
    from bench.images.hr import find_root
    from bench.suites.protocol import load_suite, suite_names

    for name in suite_names():
        named = load_suite(name)
        try:
            root, origin = find_root(named, None)
            where = f"{origin}: {root}"
        except InputError:
            where = "none here: give --data or set BENCH_DATA"
        height, width = named.suite.size or (0, 0)
        size = f"{width}x{height}" if named.suite.size else "of any size"
        print(f"{name:16} HR {size}, 1/{named.suite.scale}  {named.suite.title}")
        print(f"{'':16} paper: {named.suite.dataset}; images {where}")
        if named.suite.source:
            print(f"{'':16} {named.suite.source}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from bench.base.progress import track
    from bench.images.hr import open_set
    from bench.images.preparation import MANIFEST
    from bench.suites.protocol import load_suite
    from sr3.base.files import read_json

    named = load_suite(options.suite)
    images = open_set(named, options.data, progress=track)
    print(f"{images.root}: {len(images.items)} images for {named.name}, sha256 {images.sha256}")
    manifest = images.root / MANIFEST
    if not manifest.exists():
        print(
            f"no {MANIFEST} beside them: every file decodes at the right size, nothing to compare"
        )
        return 0
    wanted = read_json(manifest)["files"]
    found = {item.path.name: item.sha256 for item in images.items}
    wrong = sorted(n for n in wanted.keys() | found.keys() if wanted.get(n) != found.get(n))
    for name in wrong:
        state = "missing" if name not in found else "extra" if name not in wanted else "changed"
        print(f"{state}: {name}")
    print(f"{len(wanted) - sum(n in wanted for n in wrong)} of {len(wanted)} as in {MANIFEST}")
    return 1 if wrong else 0


def _prepare(options: argparse.Namespace) -> int:
    from bench.base.progress import track
    from bench.images.preparation import prepare_folder
    from bench.suites.protocol import load_suite

    named = load_suite(options.suite)
    outcomes = prepare_folder(
        named,
        options.source,
        options.target,
        skip_bad=options.skip_bad,
        limit=options.limit,
        progress=track,
    )
    _report(outcomes, options.target)
    return 0


def _inputs(options: argparse.Namespace) -> int:
    from bench.base.progress import track
    from bench.images.hr import open_set
    from bench.images.inputs import write_inputs
    from bench.suites.protocol import load_suite

    named = load_suite(options.suite)
    if named.suite.unpaired:
        raise InputError(f"found suite {named.name}, which judges generated pictures: no inputs")
    images = open_set(named, options.data, options.limit, progress=track)
    write_inputs(images, named, options.out, options.masks, track)
    print(f"wrote {options.out}: {len(images.items)} inputs of {named.name}, {images.lr.words}")
    return 0


def _report(outcomes: "list[Outcome]", target: Path) -> None:
    count = Counter(outcome.status for outcome in outcomes)
    converted = sum(bool(o.note) for o in outcomes if o.status == "kept")
    print(
        f"{target}: kept {count['kept']} ({converted} converted to 8-bit RGB), "
        f"dropped {count['dropped']} as too small, skipped {count['bad']} bad"
    )
    for outcome in [o for o in outcomes if o.status == "bad"][:SHOWN_BAD]:
        print(f"bad: {outcome.note}")


if __name__ == "__main__":
    run_command(main)
