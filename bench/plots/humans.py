"""Scatter plots of human rates against metrics, one panel per metric."""

import io
import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.comparison.correlation import ACROSS
from bench.metrics.protocol import Metric

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
PER_ROW = 4


def scatter_plots(
    joined: pd.DataFrame, found: pd.DataFrame, metrics: Mapping[str, Metric]
) -> dict[str, bytes]:
    """PNG by task."""
    return {
        str(task): _figure(part, found[found["task"] == task], metrics)
        for task, part in joined.groupby("task", sort=True)
    }


def _figure(part: pd.DataFrame, found: pd.DataFrame, metrics: Mapping[str, Metric]) -> bytes:
    names = [n for n in metrics if n in set(found.dropna(subset=["rho"])["metric"])]
    columns = min(PER_ROW, max(len(names), 1))
    rows = math.ceil(max(len(names), 1) / columns)
    figure = Figure(figsize=(3.2 * columns, 2.9 * rows + 0.5), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes, name in zip(grid.flat, names, strict=False):
        _panel(axes, part, found[found["metric"] == name], name, metrics[name])
    for axes in list(grid.flat)[len(names) :]:
        axes.set_visible(False)
    for row in grid:
        row[0].set_ylabel("human rate (%)")
    handles, labels = grid[0][0].get_legend_handles_labels()
    if labels:
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def _panel(axes: Axes, part: pd.DataFrame, found: pd.DataFrame, name: str, metric: Metric) -> None:
    for index, (system, rows) in enumerate(part.groupby("system", sort=True)):
        finite = rows[np.isfinite(rows[name])]
        axes.plot(
            finite[name] * metric.shown_times,
            100 * finite["human_rate"],
            ".",
            color=COLOURS[index % len(COLOURS)],
            alpha=0.6,
            label=str(system),
        )
    lines = [
        f"{'all systems' if row['system'] == ACROSS else row['system']}: "
        f"{row['rho']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]"
        for row in found.dropna(subset=["rho"]).to_dict("records")
    ]
    axes.set_title("\n".join([metric.title, *lines]), fontsize=8)
    axes.set_ylim(-4, 104)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.92", linewidth=0.8)
