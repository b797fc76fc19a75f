"""What a breakdown leaves in a run's folder: groups.json, groups.txt and two pictures."""

from dataclasses import asdict
from pathlib import Path

from bench.comparison.attributes import read_attributes
from bench.comparison.groups import Breakdown, break_down_run
from bench.plots.groups import write_plot
from bench.typesetting.group_text import render
from sr3.base.files import write_json, write_text


def write_groups(folder: Path, attributes: Path, baseline: str | None = None) -> list[Breakdown]:
    """Break all records of a suite's folder down and write what was found beside them.

    Args:
        attributes: JSONL or CSV file, a row per image.
        baseline: what gains are over; None takes bicubic where the run has it.

    Raises:
        InputError: no finished records, or none of the baseline that was asked for.
    """
    found = break_down_run(folder, read_attributes(attributes), baseline)
    systems = list(dict.fromkeys(breakdown.system for breakdown in found))
    write_json(folder / "groups.json", [asdict(breakdown) for breakdown in found])
    write_text(folder / "groups.txt", render(found))
    write_plot(folder / "groups.png", [b for b in found if not b.over], systems)
    write_plot(folder / "groups-gains.png", [b for b in found if b.over], systems)
    return found
