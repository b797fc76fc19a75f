"""Reference statistics for `fid_ref`: the mean and covariance of features of a large image set.

    python -m bench.reference make --suite natural4x --data IMAGENET_HR_FOLDER
    python -m bench.reference import --suite natural4x FILE.npz --n 50000
    python -m bench.reference list

They lie in the folder named by BENCH_REFERENCES (default ~/.cache/sr3bench/references), one file
per suite and extractor, and carry the identity of the extractor that made them. `import` takes the
`mu` and `sigma` that other FID tools write; it trusts that they were made with the same network.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench.base.extra import require_bench_extra
from sr3.base.commands import Parser, program
from sr3.base.errors import run_command


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = Parser(prog=program("bench.reference"), description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="from a folder of HR images")
    making.add_argument("--data", type=Path, required=True, help="folder of HR images")
    making.add_argument("--device", default="cpu", help="where the extractor runs")
    importing = commands.add_parser("import", help="from another tool's .npz")
    importing.add_argument("file", type=Path, help=".npz with mu and sigma")
    importing.add_argument("--n", type=int, required=True, help="images behind the file")
    for command in (making, importing):
        command.add_argument("--suite", required=True, help="name or path of a suite")
    commands.add_parser("list", help="what there is")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Make, import or list reference statistics."""
    options = parse(argv)
    require_bench_extra()
    from bench.measuring import reference_statistics as references

    if options.command == "list":
        for path in references.list_references():
            print(f"{path.stem}: {_text(path)}")
        return 0
    path = _make(options) if options.command == "make" else _import(options)
    print(f"wrote {path}: {_text(path)}")
    return 0


def _make(options: argparse.Namespace) -> Path:
    from bench.base.progress import track
    from bench.images.hr import open_set
    from bench.measuring import reference_statistics as references
    from bench.suites.protocol import load_suite

    named = load_suite(options.suite)
    images = open_set(named, options.data, progress=track)
    return references.keep(named.name, references.make(named, images, options.device))


def _import(options: argparse.Namespace) -> Path:
    from bench.measuring import reference_statistics as references
    from bench.suites.protocol import load_suite

    name = load_suite(options.suite).name
    return references.keep(name, references.import_moments(options.file, options.n))


def _text(path: Path) -> str:
    from bench.measuring.reference_statistics import read_reference

    reference = read_reference(path)
    return f"{reference.gaussian.n} images, {reference.source}"


if __name__ == "__main__":
    run_command(main)
