"""The pictures of the face cascade in docs/models.md, fixed before any result is seen.

    python benchmarks/cascade_pictures.py stages CASCADE_OUT PICTURE.jpg
    python benchmarks/cascade_pictures.py neighbours RUN TRAINING PICTURE.jpg [--system NAME]

`stages` is the command's own sheet, the first pictures of a seed at every stage, as JPEG.
`neighbours` draws out of `nearest.csv` of a run that `bench.nearest` looked at, and only pictures
whose nearest training pictures, in both spaces, begin with --own: portraits of people are not
the project's to show. RUN's own sheets show all.
"""

import argparse
import csv
from collections import defaultdict
from pathlib import Path

from model_pictures import write_jpeg
from PIL import Image

from bench.records.finished import read_finished
from bench.reporting.neighbour_sheet import Neighbour, write_neighbours
from sr3.base.commands import Parser
from sr3.base.errors import InputError, run_command


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    if args.what == "stages":
        as_jpeg(args.cascade / "sheets" / "stages.png", args.out)
        return 0
    found = [n for n in neighbours(args.run, args.training, args.system) if own(n, args.own)]
    if not found:
        raise InputError(f"found no picture of {args.system} beside {args.own} only")
    sheet = args.run / "nearest-own.png"
    title = f"{args.system}: the {len(found)} pictures nearest to {args.own}"
    write_neighbours(sheet, title, found, "features")
    as_jpeg(sheet, args.out)
    return 0


def neighbours(run: Path, training: Path, system: str) -> list[Neighbour]:
    """Pictures of a system with their nearest training pictures, in the order of the file."""
    finished = read_finished(run)
    path = run / "nearest.csv"
    if not path.is_file() or system not in finished.own:
        raise InputError(f"found no {system} in {path}: run bench.nearest first")
    nearest: dict[str, dict[str, tuple[Path, float]]] = defaultdict(dict)
    for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
        if row["system"] == system:
            near = (training / row["nearest"], float(row["distance"]))
            nearest[row["picture"]][row["space"]] = near
    return [Neighbour(finished.path(system, Path(x).stem), near) for x, near in nearest.items()]


def own(neighbour: Neighbour, prefix: str) -> bool:
    """Whether all its training pictures may be shown."""
    return all(path.name.startswith(prefix) for path, _ in neighbour.nearest.values())


def as_jpeg(source: Path, target: Path) -> None:
    if not source.is_file():
        raise InputError(f"found no picture at {source}")
    with Image.open(source) as opened:
        write_jpeg(target, opened.convert("RGB"))


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(prog="benchmarks/cascade_pictures.py", description=__doc__)
    parts = parser.add_subparsers(dest="what", required=True)
    stages = parts.add_parser("stages", help="the sheet of a cascade")
    stages.add_argument("cascade", type=Path, help="OUT of sr3.cascade")
    near = parts.add_parser("neighbours", help="generated pictures beside training pictures")
    near.add_argument("run", type=Path, help="folder of a suite's records")
    near.add_argument("training", type=Path, help="the folder that bench.nearest was given")
    near.add_argument("--system", default="sr3-chain", help="(default: %(default)s)")
    near.add_argument("--own", default="faces-rendered", help="(default: %(default)s)")
    for part in (stages, near):
        part.add_argument("out", type=Path, help="JPEG to write")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_command(main)
