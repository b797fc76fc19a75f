"""Plot the learning curves of the shipped models.

    python benchmarks/curves.py [--data results/curves] [--out docs/images/curves.png]

The folder has a <suite>-<system>.csv per model with step, name and value of its log. The losses of
regression and SR3 are of different targets: each says how its own training went, not which is
better.
"""

import csv
import io
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sr3.base.commands import Parser
from sr3.base.errors import InputError, run_command
from sr3.base.files import write_bytes

QUANTITIES = {"train/loss": "training loss", "validation/psnr": "held-out PSNR, dB"}
COLOURS = {"regression": "#4477aa", "sr3": "#ee6677"}

Curve = dict[str, np.ndarray]


def read_curve(path: Path) -> Curve:
    """(N, 2) of step and value by name.

    Raises:
        InputError: another header.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames != ["step", "name", "value"]:
            raise InputError(f"found columns {rows.fieldnames} in {path}, wanted step,name,value")
        for row in rows:
            found.setdefault(row["name"], []).append((float(row["step"]), float(row["value"])))
    return {name: np.array(points) for name, points in found.items()}


def read_curves(folder: Path) -> dict[tuple[str, str], Curve]:
    """Curves by (suite, system) of the files <suite>-<system>.csv."""
    paths = sorted(folder.glob("*-*.csv"))
    if not paths:
        raise InputError(f"found no <suite>-<system>.csv in {folder}")
    parts = [tuple(path.stem.rsplit("-", 1)) for path in paths]
    return {(a, b): read_curve(path) for (a, b), path in zip(parts, paths, strict=True)}


def plot(curves: dict[tuple[str, str], Curve]) -> Figure:
    """A row per quantity, a column per suite, a line per system."""
    suites = list(dict.fromkeys(suite for suite, _ in curves))
    figure = Figure(figsize=(5.5 * len(suites), 6), layout="constrained")
    axes = figure.subplots(len(QUANTITIES), len(suites), squeeze=False)
    for row, (name, label) in zip(axes, QUANTITIES.items(), strict=True):
        for axis, suite in zip(row, suites, strict=True):
            axis.set(title=suite, xlabel="step", ylabel=label)
            axis.set_yscale("log" if name == "train/loss" else "linear")
        for (suite, system), curve in curves.items():
            if name in curve:
                line = {"label": system, "color": COLOURS.get(system), "linewidth": 1.2}
                marker = "." if len(curve[name]) < 40 else None
                row[suites.index(suite)].plot(*curve[name].T, marker=marker, **line)
    for axis in axes.flat:
        axis.grid(alpha=0.3)
        if axis.lines:
            axis.legend()
    return figure


def main(argv: list[str] | None = None) -> int:
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("results/curves"), help="folder of CSV")
    parser.add_argument(
        "--out", type=Path, default=Path("docs/images/curves.png"), help="picture to write"
    )
    args = parser.parse_args(argv)
    figure, buffer = plot(read_curves(args.data)), io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, dpi=90, metadata={"Software": None})
    write_bytes(args.out, buffer.getvalue())
    print(args.out)
    return 0


if __name__ == "__main__":
    run_command(main)
