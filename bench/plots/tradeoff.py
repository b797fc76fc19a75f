"""Error against naturalness as a picture: curves of models, points of systems, intervals."""

import io
import textwrap
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.comparison.tradeoff import Axis, Curve, Place, Tradeoff, tradeoff_of
from bench.records.finished import read_finished
from bench.statistics.intervals import Interval
from sr3.base.errors import InputError
from sr3.base.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

COLOURS = ("#ee6677", "#228833", "#aa3377", "#b8860b", "#0d8fb3", "#777777")
POINT = "#4477aa"
INK, SOFT, LINE = "#1d2330", "#5c6575", "#dde1e8"
SUFFIXES = (".png", ".svg")
BETTER = {"higher": ("right", "up"), "lower": ("left", "down"), "none": ("", "")}
FAR = 4.0  # largest over least distance from which on the axis is logarithmic
SIDES = ((1, 1), (1, -1), (-1, 1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1))
KEY_WIDTH = 100  # letters of a line of the legend
GAPS = (8, 15, 24)  # points between a place and its label


def write_tradeoff_of(run: Path, path: Path) -> None:
    """Write the picture of a finished run, which may have been kept without its images.

    Raises:
        InputError: no finished run, one without such a curve, or a file that is no picture.
    """
    finished = read_finished(run)
    shown = tradeoff_of(finished.records, finished.metrics)
    if shown is None:
        raise InputError(
            f"found no model at two settings with fidelity and a Frechet distance in {run}: add "
            "rows by --setting of bench.run, and psnr and fd_efficientnet_lite0 to --metrics"
        )
    write_tradeoff(path, shown)


def write_tradeoff(path: Path, shown: Tradeoff) -> None:
    """Write the picture as PNG or SVG, by the suffix.

    Raises:
        InputError: another suffix.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(f"found {path.name} for a picture, wanted {' or '.join(SUFFIXES)}")
    write_bytes(path, drawn(shown, path.suffix[1:]))


def drawn(shown: Tradeoff, kind: str = "svg", titled: bool = True) -> bytes:
    """The picture as a file, its caption above it or left out; equal numbers make equal bytes."""
    import matplotlib

    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with matplotlib.rc_context({"svg.hashsalt": "tradeoff"}):
        plot(shown, titled).savefig(buffer, format=kind, dpi=150, metadata=metadata)
    return buffer.getvalue()


def plot(shown: Tradeoff, titled: bool = True) -> "Figure":
    """Fidelity to the right, distance upwards, each axis with its unit and the better end."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.6, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for index, curve in enumerate(shown.curves):
        _draw(axes, curve.places, COLOURS[index % len(COLOURS)], _told(curve))
    for place in shown.points:
        _draw(axes, [place], POINT, None)
    _scale(axes, [place.naturalness for place in shown.places])
    axes.set_xlabel(_axis_label(shown.fidelity, 0))
    axes.set_ylabel(_axis_label(shown.naturalness, 1))
    if titled:
        axes.set_title(shown.caption, loc="left", fontsize=10, color=SOFT)
    axes.grid(color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(0.09)
    key = figure.legend(frameon=False, fontsize=9, loc="outside lower left")
    _write_labels(figure, axes, key, shown)
    return figure


def _draw(axes: "Axes", places: Sequence[Place], colour: str, told: str | None) -> None:
    x, y = [p.fidelity for p in places], [p.naturalness for p in places]
    axes.errorbar(
        [n.value for n in x], [n.value for n in y], xerr=_bars(x), yerr=_bars(y), color=colour,
        marker="o" if told else "s", markersize=6, linewidth=1.8, elinewidth=0.9, label=told,
        zorder=3,
    )  # fmt: skip


def _bars(numbers: Sequence[Interval]) -> list[list[float]] | None:
    """Lengths below and above; 0 where a record has no interval."""
    low = [0.0 if n.low is None else n.value - n.low for n in numbers]
    high = [0.0 if n.high is None else n.high - n.value for n in numbers]
    return [low, high] if any(low) or any(high) else None


def _scale(axes: "Axes", distances: Sequence[Interval]) -> None:
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    values = [n.value for n in distances]
    if min(values) > 0 and max(values) > FAR * min(values):
        axes.set_yscale("log")
        axes.set_yticks(list(_round(min(values) / 1.3, max(values) * 1.3)))
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.yaxis.set_minor_formatter(NullFormatter())


def _round(low: float, high: float) -> Iterator[float]:
    """1, 2, 3 and 5 times powers of ten between the ends."""
    for power in range(-3, 7):
        yield from (m * 10.0**power for m in (1, 2, 3, 5) if low <= m * 10.0**power <= high)


def _axis_label(axis: Axis, place: int) -> str:
    name = f"{axis.title}, {axis.unit}" if axis.unit else axis.title
    better = BETTER[axis.direction][place]
    return f"{name} (better: {better})" if better else name


def _told(curve: Curve) -> str:
    varied = f"; at the dots: {' / '.join(curve.shown)}" if curve.shown else ""
    whole = f"{', '.join(part for part in (curve.model, curve.told) if part)}{varied}"
    return textwrap.fill(whole, KEY_WIDTH, break_long_words=False, break_on_hyphens=False)


def _write_labels(figure: "Figure", axes: "Axes", key: "Legend", shown: Tradeoff) -> None:
    """Each label where it covers least of what is drawn, other labels and the legend."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # what is measured from here on stays where it is
    colours = [COLOURS[i % len(COLOURS)] for i, c in enumerate(shown.curves) for _ in c.places]
    colours += [POINT] * len(shown.points)
    drawn_at, boxes = _drawn_at(axes, shown), [key.get_window_extent()]
    for place, colour in zip(shown.places, colours, strict=True):
        label = axes.annotate(
            place.label, (place.fidelity.value, place.naturalness.value),
            xytext=(0, 0), textcoords="offset points", fontsize=9, color=colour, zorder=4,
        )  # fmt: skip
        best = min(
            ((gap, side) for gap in GAPS for side in SIDES),
            key=lambda at: at[0] + _cost(_moved(label, *at), axes, drawn_at, boxes),
        )
        boxes.append(_moved(label, *best))


def _moved(label: "Annotation", gap: int, side: tuple[int, int]) -> "Bbox":
    """The label moved to a side of its place; its box in pixels."""
    across, up = side
    label.set_position((gap * across, gap * up))
    label.set(ha=("center", "left", "right")[across], va=("center", "bottom", "top")[up])
    return label.get_window_extent()


def _cost(box: "Bbox", axes: "Axes", drawn_at: np.ndarray, boxes: Sequence["Bbox"]) -> float:
    """How much a label at `box` hides, in points drawn; other labels weigh most."""
    inside = ((drawn_at > (box.x0 - 2, box.y0 - 2)) & (drawn_at < (box.x1 + 2, box.y1 + 2))).all(1)
    hidden = sum(box.overlaps(other) for other in boxes)
    corners = [axes.bbox.contains(x, y) for x, y in box.corners()]
    return 4.0 * float(inside.sum()) + 1000.0 * (hidden + (not all(corners)))


def _drawn_at(axes: "Axes", shown: Tradeoff) -> np.ndarray:
    """(N, 2) pixels on the curves and intervals, a few pixels apart."""
    ends = []
    for curve in shown.curves:
        at = [(p.fidelity.value, p.naturalness.value) for p in curve.places]
        ends += list(pairwise(at))
    for place in shown.places:
        x, y = place.fidelity, place.naturalness
        ends.append(((x.low or x.value, y.value), (x.high or x.value, y.value)))
        ends.append(((x.value, y.low or y.value), (x.value, y.high or y.value)))
    pixels = axes.transData.transform(np.array(ends, dtype=float).reshape(-1, 2)).reshape(-1, 2, 2)
    steps = np.linspace(0, 1, 60)[:, None, None]
    points: np.ndarray = pixels[:, 0] + steps * (pixels[:, 1] - pixels[:, 0])
    return points.reshape(-1, 2)
