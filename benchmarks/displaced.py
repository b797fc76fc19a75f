"""What another alignment of the same faces does to the numbers, for whoever cuts a set anew.

    python benchmarks/displaced.py portraits128/test --out OUT        # five minutes

Every picture is moved, enlarged or turned by about a pixel, its edges repeated, and face8x is run
on each such set. Printed are means and changes against the set as it is, paired by person,
with 95 % intervals. Moving by whole pixels loses nothing. Anything else interpolates the 128x128
pictures, by Lanczos on a grid seven times as fine, which softens them where a set that is cut anew
from its sources is as sharp as the first: what larger and smaller have in common is that.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.comparison.pairs import SystemScores, read_scores
from bench.documents import kept_tables
from bench.images.hr import open_set
from bench.metrics.protocol import Metric, load_metric
from bench.records.measurements import (
    Measurements,
    Number,
    Quantity,
    made_here,
    write_measurements,
)
from bench.records.record import read_record
from bench.running.config import RunConfig
from bench.running.plan import plan
from bench.running.runner import run
from bench.statistics.intervals import Interval
from bench.suites.protocol import load_suite
from bench.typesetting import markdown
from sr3.base.commands import Parser
from sr3.base.errors import run_command
from sr3.base.files import write_text
from sr3.pictures.images import list_images, read_rgb, write_png

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Displacement:
    """Another alignment, in pixels of the picture: moved right and down, larger by `grown` at each
    edge, turned so that the edges move by `turned`."""

    name: str
    right: float = 0.0
    down: float = 0.0
    grown: float = 0.0
    turned: float = 0.0


DISPLACEMENTS = (
    Displacement("as it is"),
    Displacement("right by 1 px", right=1),
    Displacement("down by 1 px", down=1),
    Displacement("right and down by 1 px", right=1, down=1),
    Displacement("right and down by 2 px", right=2, down=2),
    Displacement("right and down by 1/2 px", right=0.5, down=0.5),
    Displacement("larger by 1 px at each edge", grown=1),
    Displacement("smaller by 1 px at each edge", grown=-1),
    Displacement("turned by 1 px at the edges", turned=1),
)


FINER = 7


def folder_of(by: Displacement) -> str:
    """Where a displacement lies under --out."""
    return by.name.replace(" ", "-").replace("/", "-of-")


def displaced(pixels: Pixels, by: Displacement) -> Pixels:
    """The picture (H, W, 3) aligned otherwise; whole pixels are moved as they are.

    Points are read from a Lanczos enlargement, which passes through the pixels of the original, so
    an odd factor has those among its own.
    """
    height, width = pixels.shape[:2]
    half, pad = width / 2, 4 + int(max(map(abs, (by.right, by.down, by.grown, by.turned))))
    scale, slope = half / (half + by.grown), by.turned / half
    x, y = half + by.right, half + by.down  # where the middle comes to lie
    across, along, middle = scale, scale * slope, half + pad
    grid = (
        across, along, middle - across * x - along * y,
        -along, across, middle + along * x - across * y,
    )  # fmt: skip
    padded = Image.fromarray(np.pad(pixels, ((pad, pad), (pad, pad), (0, 0)), mode="edge"))
    fine = padded.resize([FINER * side for side in padded.size], Image.Resampling.LANCZOS)
    return np.asarray(
        fine.transform(
            (width, height), Image.Transform.AFFINE, tuple(FINER * g for g in grid),
            Image.Resampling.BILINEAR,
        )
    )  # fmt: skip


def measure(
    folder: Path, out: Path, systems: Sequence[str], metrics: Mapping[str, Metric]
) -> dict[str, dict[str, SystemScores]]:
    """Run face8x on every displacement of a set: scores by displacement and system."""
    found = {}
    paths = list_images(folder)
    for by in DISPLACEMENTS:
        data = out / folder_of(by)
        for path in paths:
            write_png(data / "hr" / path.name, displaced(read_rgb(path), by))
        config = RunConfig("face8x", data=data / "hr", out=data, systems=systems,
                           metrics=tuple(metrics), precision="float32")  # fmt: skip
        run(plan(config))
        records = {name: data / "face8x" / f"{name}.json" for name in systems}
        found[by.name] = {name: read_scores(path) for name, path in records.items()}
    return found


def rows_of(
    found: Mapping[str, Mapping[str, SystemScores]], metrics: Mapping[str, Metric]
) -> dict[str, dict[str, Number]]:
    """A row per system and displacement: means, and changes paired by person."""
    first, rows = found[DISPLACEMENTS[0].name], {}
    for system in first:
        for by, scores in found.items():
            row = rows[f"{system}, {by}"] = {}
            for name, metric in metrics.items():
                values, before = (s[system].scored[name].per_image for s in (scores, first))
                assert values is not None
                assert before is not None
                row[name] = _number(metric.interval(values))
                if scores is not first:
                    row[f"change of {name}"] = _number(metric.pair(values, before).difference)
    return rows


def columns_of(metrics: Mapping[str, Metric]) -> dict[str, Quantity]:
    """Each metric, and its change."""
    columns = {}
    for name, metric in metrics.items():
        shown = (metric.unit, metric.decimals, metric.shown_times)
        columns[name] = Quantity(metric.title, *shown)
        columns[f"change of {name}"] = Quantity(f"change of {metric.title}", *shown, signed=True)
    return columns


def _number(interval: Interval) -> Number:
    return Number(interval.value, interval.low, interval.high)


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument("folder", type=Path, help="128x128 faces")
    parser.add_argument("--out", type=Path, required=True, help="for pictures, records and tables")
    parser.add_argument("--systems", default="bicubic,regression", help="to run, by comma")
    parser.add_argument("--metrics", default="psnr,ssim,consistency", help="per-image, by comma")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    images = open_set(load_suite("face8x"), args.folder)
    metrics = {name: load_metric(name) for name in args.metrics.split(",")}
    scores = measure(args.folder, args.out, args.systems.split(","), metrics)
    data = {"name": images.name, "sha256": images.sha256, "n": len(images.items)}
    records = args.out / folder_of(DISPLACEMENTS[0]) / "face8x"
    weights = {
        name: read_record(records / f"{name}.json").checkpoint_sha256
        for name in args.systems.split(",")
    }
    command = (
        f"python benchmarks/displaced.py {images.name} --out OUT --systems {args.systems} "
        f"--metrics {args.metrics}"
    )
    found = Measurements(
        f"{images.name} aligned otherwise, float32",
        len(images.items),
        made_here(command, "cpu", data=data, weights=weights, precision="float32"),
        columns_of(metrics),
        rows_of(scores, metrics),
    )
    write_measurements(args.out / "displaced.json", found)
    table = kept_tables.measured(found, "displaced")
    text = f"{table.caption}\n\n{markdown.render(table, markdown.Choice('system, alignment'))}\n"
    write_text(args.out / "displaced.md", text)
    print(text)
    return 0


if __name__ == "__main__":
    run_command(main)
