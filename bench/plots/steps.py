"""Fig. 12 of the paper: score over the number of steps, for runs whose rows are named by steps."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.metrics.protocol import Metric
from bench.records.record import Record
from sr3.base.files import write_bytes, write_text

SEPARATOR = "+"
COLUMNS = ("metric", "stage", "others", "steps", "value", "low", "high", "n", "system")


@dataclass(frozen=True)
class StepPoint:
    """A system's score; the steps of `stage` (from 1) vary, `others` has those of the rest."""

    metric: str
    stage: int
    others: str
    steps: int
    value: float
    low: float | None
    high: float | None
    n: int
    system: str


def steps_of(system: str) -> tuple[int, ...] | None:
    """Steps per stage of a row's name, such as `256+8`; None for another name."""
    parts = system.split(SEPARATOR)
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else None


def points(records: Sequence[Record], metrics: Mapping[str, Metric]) -> list[StepPoint]:
    """Every score of a line, which is two or more rows that differ in the steps of one stage."""
    named = {r: s for r in range(len(records)) if (s := steps_of(records[r].system))}
    found = []
    for name in metrics:
        for stage in range(max(map(len, named.values()), default=0)):
            lines: dict[str, list[StepPoint]] = {}
            for place, steps in named.items():
                score = records[place].metrics.get(name)
                if len(steps) <= stage or score is None or score.value is None:
                    continue
                rest = [str(s) if i != stage else "*" for i, s in enumerate(steps)]
                others = SEPARATOR.join(rest)
                point = StepPoint(
                    name, stage + 1, others, steps[stage], score.value, score.low, score.high,
                    score.n, records[place].system,
                )  # fmt: skip
                lines.setdefault(others, []).append(point)
            for line in lines.values():
                found += sorted(line, key=lambda p: p.steps) if len(line) > 1 else []
    return found


def write_steps(
    folder: Path, records: Sequence[Record], metrics: Mapping[str, Metric]
) -> list[Path]:
    """Write `steps.csv` and `steps.png`; nothing where no two rows make a line."""
    found = points(records, metrics)
    if not found:
        return []
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([getattr(point, column) for column in COLUMNS] for point in found)
    write_text(folder / "steps.csv", text.getvalue())
    write_bytes(folder / "steps.png", _drawn(found, metrics))
    return [folder / "steps.csv", folder / "steps.png"]


def _drawn(found: Sequence[StepPoint], metrics: Mapping[str, Metric]) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(point.metric for point in found))
    figure = Figure(figsize=(5.2 * len(names), 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False).flat, names, strict=True):
        of_metric = [point for point in found if point.metric == name]
        times = metrics[name].shown_times
        for stage, others in dict.fromkeys((p.stage, p.others) for p in of_metric):
            line = [p for p in of_metric if (p.stage, p.others) == (stage, others)]
            values = [p.value * times for p in line]
            low = [0.0 if p.low is None else (p.value - p.low) * times for p in line]
            high = [0.0 if p.high is None else (p.high - p.value) * times for p in line]
            axes.errorbar(
                [p.steps for p in line], values, [low, high],
                marker="o", capsize=3, label=f"stage {stage}: {others}",
            )  # fmt: skip
        steps = sorted({point.steps for point in of_metric})
        axes.set_xscale("log", base=2)
        axes.set_xticks(steps, [str(n) for n in steps])
        axes.set_xlabel("refinement steps")
        axes.set_ylabel(metrics[name].title)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()
