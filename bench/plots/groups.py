"""The picture of a breakdown: a panel per attribute, means with intervals per system."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.comparison.groups import Breakdown
from bench.metrics.protocol import load_metric
from sr3.base.files import write_bytes

COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#777777")
PANEL_CHARACTERS = 52  # of tick labels side by side; beyond, they are turned


def write_plot(path: Path, breakdowns: Sequence[Breakdown], systems: Sequence[str]) -> None:
    """Write a PNG of the first metric over all attributes, each system in the colour of its place.

    Without breakdowns there is no picture, and one of an earlier run is removed.
    """
    if not breakdowns:
        path.unlink(missing_ok=True)
        return
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    metric = breakdowns[0].metric
    chosen = [b for b in breakdowns if b.metric == metric]
    attributes = list(dict.fromkeys(b.attribute for b in chosen))
    rows = -(-len(attributes) // 3)
    figure = Figure(figsize=(12, 3.4 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, 3, squeeze=False).flat
    for axis, attribute in zip(axes, attributes, strict=False):
        _panel(axis, [b for b in chosen if b.attribute == attribute], systems)
    for axis in list(axes)[len(attributes) :]:
        axis.set_visible(False)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names))
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=90, metadata={"Software": None})
    write_bytes(path, buffer.getvalue())


def _panel(axis: Any, breakdowns: Sequence[Breakdown], systems: Sequence[str]) -> None:
    definition = load_metric(breakdowns[0].metric)
    times = definition.shown_times
    for index, breakdown in enumerate(breakdowns):
        offset = (index - (len(breakdowns) - 1) / 2) * 0.18
        for place, group in enumerate(breakdown.groups):
            low = group.value if group.low is None else group.low
            high = group.value if group.high is None else group.high
            axis.errorbar(
                place + offset,
                group.value * times,
                yerr=np.array([[group.value - low], [high - group.value]]).clip(0) * times,
                fmt="o",
                markersize=4,
                capsize=2,
                color=COLOURS[systems.index(breakdown.system) % len(COLOURS)],
                label=breakdown.system if place == 0 else None,
            )
    groups = breakdowns[0].groups
    if sum(len(str(group.level)) + 2 for group in groups) > PANEL_CHARACTERS:
        names = [f"{group.level} ({group.n})" for group in groups]
        turned = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    else:
        names, turned = [f"{group.level}\n{group.n}" for group in groups], {}
    axis.set_xticks(range(len(groups)), names, fontsize=8, **turned)
    axis.set_xlim(-0.5, len(groups) - 0.5)
    smallest = min(b.p_holm for b in breakdowns)
    axis.set_title(f"{breakdowns[0].attribute} (smallest p = {smallest:.2g})", fontsize=10)
    over = breakdowns[0].over
    parts = (definition.title, f"gain over {over}" if over else "", definition.unit)
    axis.set_ylabel(" ".join(part for part in parts if part))
    if over:
        axis.axhline(0, color="#999999", linewidth=0.8)
    axis.grid(axis="y", alpha=0.3)
