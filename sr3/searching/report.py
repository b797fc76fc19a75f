"""Tables and the picture of a schedule search: score against number of steps."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from sr3.base.files import write_text


@dataclass(frozen=True)
class Trial:
    """A candidate's score on the first `pictures` pictures, in one rung of a step budget."""

    steps: int
    rung: int
    schedule: str
    pictures: int
    score: float


@dataclass(frozen=True)
class Row:
    """A point of the picture: a method's score on all pictures at a number of steps."""

    steps: int
    method: str
    schedule: str
    score: float


def csv_of(rows: Sequence[Trial | Row]) -> str:
    """CSV text of rows of one kind."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [f.name for f in fields(rows[0])], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue()


def markdown(rows: list[Row], score: str) -> str:
    """Table with a line per method and a column per number of steps."""
    steps = sorted({row.steps for row in rows})
    values = {(row.method, row.steps): row.score for row in rows}
    methods = list(dict.fromkeys(row.method for row in rows))
    lines = [f"| {score} | " + " | ".join(f"{n} steps" for n in steps) + " |"]
    lines.append("|---|" + "---|" * len(steps))
    lines += [
        f"| {m} | " + " | ".join(f"{values[m, n]:.2f}" for n in steps) + " |" for m in methods
    ]
    return "\n".join(lines) + "\n"


def write(folder: Path, rows: list[Row], score: str) -> None:
    """score-vs-steps.csv, .md and .png."""
    write_text(folder / "score-vs-steps.csv", csv_of(rows))
    write_text(folder / "score-vs-steps.md", markdown(rows, score))
    plot(folder / "score-vs-steps.png", rows, score)


def plot(path: Path, rows: list[Row], score: str) -> None:
    """One line per method over the number of steps, on a logarithmic axis."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for method in dict.fromkeys(row.method for row in rows):
        points = sorted((row.steps, row.score) for row in rows if row.method == method)
        found = method.endswith("found")
        axes.plot(*zip(*points, strict=True), marker="o", label=method, lw=2.2 if found else 1.2)
    steps = sorted({row.steps for row in rows})
    axes.set_xscale("log", base=2)
    axes.set_xticks(steps, [str(n) for n in steps])
    axes.set_xlabel("refinement steps")
    axes.set_ylabel(score)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    aside = path.with_name(f".{path.name}")
    figure.savefig(aside, format="png", dpi=130)
    aside.replace(path)
