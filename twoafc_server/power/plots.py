"""The detectable difference against the number of participants, and the planned coverage."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from twoafc_server.analysis.writing.plots import COLOURS
from twoafc_server.power.coverage import Coverage
from twoafc_server.power.detectable import Detectable


def power_chart(
    curves: Mapping[str, Sequence[Detectable]], planned: int, found: Coverage, level: float
) -> Figure:
    """Two panels: detectable differences over participants per system, and coverage."""
    figure = Figure(figsize=(9.2, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    for (name, points), colour in zip(curves.items(), COLOURS, strict=False):
        people = [point.people // (2 if "systems" in name else 1) for point in points]
        left.plot(people, [100 * p.difference for p in points], color=colour, label=name)
    left.axvline(planned, color="0.4", linestyle=":", label=f"planned: {planned}")
    left.set_xlabel("participants per system")
    left.set_ylabel("detectable difference (points)")
    left.set_ylim(bottom=0)
    left.legend(frameon=False, fontsize=8)
    shares = {
        "two-way\ncluster": found.two_way,
        "participants\nonly": found.participants,
        "images\nonly": found.images,
        "pooled\nWilson": found.wilson,
    }
    bars = right.bar(
        list(shares), [100 * share for share in shares.values()], color=[COLOURS[2], *["0.7"] * 3]
    )
    right.bar_label(bars, fmt="%.0f", fontsize=9)
    right.axhline(100 * level, color="0.35", linestyle="--", linewidth=1)
    right.set_ylabel(f"coverage of {100 * level:g} % intervals (%)")
    right.set_ylim(0, 108)
    right.tick_params(axis="x", labelsize=8)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="0.9", linewidth=0.8)
        axes.set_axisbelow(True)
    return figure
