"""The pictures: bars in the shape of the paper's Figs. 9 and 10, per-image rates, exposure."""

import io
from collections.abc import Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from twoafc_server.analysis.analyse import Analysis, SystemReport, TaskReport
from twoafc_server.analysis.estimation.rates import Headline
from twoafc_server.analysis.reading.published import Published, find
from twoafc_server.analysis.writing.labels import rate_name, reference_of, task_name

# Okabe and Ito's palette: told apart with any colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

# Behind numbers, so that no line runs through them.
_PLATE = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}


def save(figure: Figure, form: str) -> bytes:
    """A figure as `svg`, `png` or `pdf`; equal figures give equal bytes."""
    buffer = io.BytesIO()
    dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
    with matplotlib.rc_context({"svg.hashsalt": "twoafc", "svg.fonttype": "path"}):
        figure.savefig(buffer, format=form, metadata=dated[form], dpi=160)
    return buffer.getvalue()


def _axes(figure: Figure, columns: int) -> Sequence[Axes]:
    grid = figure.subplots(1, columns, sharey=True, squeeze=False)
    return list(grid[0])


def _percent_axis(axes: Axes, label: str) -> None:
    axes.set_ylabel(label)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)


def _limits(headlines: Sequence[Headline]) -> list[list[float]]:
    below = [100 * (top.rate - top.low) for top in headlines]
    above = [100 * (top.high - top.rate) for top in headlines]
    return [below, above]


def bar_chart(analysis: Analysis, published: tuple[Published, ...] = ()) -> Figure:
    """Fool rates with their intervals, one panel per task, published values beside."""
    name = rate_name(reference_of(analysis.source.protocol))
    widest = max(len(task.systems) for task in analysis.tasks)
    width = max(5.8, (1.1 + 1.05 * widest) * len(analysis.tasks))
    figure = Figure(figsize=(width, 3.9), layout="constrained")
    own = "simulated observers" if analysis.simulated else "this study"
    for axes, task in zip(_axes(figure, len(analysis.tasks)), analysis.tasks, strict=True):
        _bars(axes, task, published, own)
        axes.set_title(task_name(task.task), fontsize=11)
    _percent_axis(figure.axes[0], f"{name} (%)")
    for axes in figure.axes[1:]:
        _percent_axis(axes, "")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure


def _bars(axes: Axes, task: TaskReport, published: tuple[Published, ...], own: str) -> None:
    names = list(task.systems)
    tops = [task.systems[name].rate.headline for name in names]
    beside = [find(published, task.task, name) for name in names]
    shift = 0.2 if any(beside) else 0.0
    places = [place - shift for place in range(len(names))]
    heights = [100 * top.rate for top in tops]
    colours = [COLOURS[index % len(COLOURS)] for index in range(len(names))]
    axes.bar(places, heights, 0.38 if shift else 0.6, color=colours, label=own)
    axes.errorbar(
        places, heights, yerr=_limits(tops), fmt="none", ecolor="0.15", capsize=4, linewidth=1.2
    )
    for place, top in zip(places, tops, strict=True):
        axes.annotate(
            f"{100 * top.rate:.1f}",
            (place, 100 * top.high),
            (0, 5),
            ha="center",
            textcoords="offset points",
            fontsize=9,
            bbox=_PLATE,
        )
    _published_bars(axes, beside, shift)
    axes.axhline(50, color="0.35", linestyle="--", linewidth=1, label="cannot be told apart (50 %)")
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_ylim(0, max(62, *(100 * top.high + 10 for top in tops)))


def _published_bars(axes: Axes, beside: list[Published | None], shift: float) -> None:
    label = "published (another study)"
    for place, value in enumerate(beside):
        if value is None:
            continue
        axes.bar(
            place + shift,
            100 * value.rate,
            0.38,
            facecolor="white",
            edgecolor="0.45",
            hatch="///",
            label=label,
        )
        mark = "" if value.verified else "?"
        axes.annotate(
            f"{100 * value.rate:.1f}{mark}",
            (place + shift, 100 * value.rate),
            (0, 5),
            ha="center",
            textcoords="offset points",
            fontsize=9,
            color="0.35",
            bbox=_PLATE,
        )
        label = "_nolegend_"


def exposure_chart(analysis: Analysis) -> Figure | None:
    """Fool rate against exposure time, log scale; None where only one exposure was used."""
    tasks = [
        task
        for task in analysis.tasks
        if any(len(report.exposure) > 1 for report in task.systems.values())
    ]
    if not tasks:
        return None
    figure = Figure(figsize=(4.6 * len(tasks), 3.6), layout="constrained")
    for axes, task in zip(_axes(figure, len(tasks)), tasks, strict=True):
        _exposure_lines(axes, task)
        axes.set_title(task_name(task.task), fontsize=11)
    _percent_axis(figure.axes[0], f"{rate_name(reference_of(analysis.source.protocol))} (%)")
    return figure


def _exposure_lines(axes: Axes, task: TaskReport) -> None:
    shown: set[float] = set()
    for index, (name, report) in enumerate(task.systems.items()):
        seconds = [point.exposure_ms / 1000 for point in report.exposure]
        tops = [point.headline for point in report.exposure]
        nudged = [second * 1.02 ** (index - len(task.systems) / 2) for second in seconds]
        axes.errorbar(
            nudged,
            [100 * top.rate for top in tops],
            yerr=_limits(tops),
            marker="o",
            color=COLOURS[index % len(COLOURS)],
            label=name,
            capsize=3,
            linewidth=1.4,
        )
        shown.update(seconds)
    axes.set_xscale("log", base=2)
    ticks = sorted(shown)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.axhline(50, color="0.35", linestyle="--", linewidth=1)
    axes.set_xlabel("exposure (s)")
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    axes.legend(frameon=False, fontsize=9)


def image_chart(task: TaskReport) -> Figure:
    """Every image's raw and shrunken rate in order, with what chance alone would show."""
    figure = Figure(figsize=(4.2 * len(task.systems), 3.4), layout="constrained")
    reports = zip(_axes(figure, len(task.systems)), task.systems.items(), strict=True)
    for index, (axes, (name, report)) in enumerate(reports):
        _image_dots(axes, report, COLOURS[index % len(COLOURS)])
        axes.set_title(name, fontsize=11)
        axes.set_xlabel("images, by shrunken rate")
        _percent_axis(axes, "rate (%)" if index == 0 else "")
    figure.axes[0].legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def _image_dots(axes: Axes, report: SystemReport, colour: str) -> None:
    table = report.images.table.sort_values(["shrunk", "image"]).reset_index(drop=True)
    low, high = report.images.chance
    axes.axhspan(100 * low, 100 * high, color="0.92", label="range of raw rates by chance alone")
    axes.vlines(table.index, 100 * table["low"], 100 * table["high"], color=colour, alpha=0.35)
    axes.plot(table.index, 100 * table["shrunk"], ".", color=colour, label="shrunken, 95 %")
    axes.plot(table.index, 100 * table["rate"], "x", color="0.3", markersize=3.5, label="raw")
    axes.set_ylim(-3, 103)
    axes.set_xticks([])
