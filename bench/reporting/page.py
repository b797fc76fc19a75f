"""The page of a finished run: one self-contained HTML file that works offline."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from bench.comparison.groups import Breakdown
from bench.comparison.human_rates import attached
from bench.comparison.ranking import printed_p
from bench.comparison.tradeoff import tradeoff_of
from bench.metrics.protocol import Metric
from bench.plots.charts import Point, dots
from bench.plots.tradeoff import drawn
from bench.records.finished import FinishedRun, read_finished
from bench.records.finished_pictures import low_of
from bench.records.published import tables_of
from bench.records.record import Record
from bench.reporting import tiles
from bench.typesetting.group_text import differs, heading
from bench.typesetting.table import Cell, Column, Table, build, digits_of, label_of
from bench.typesetting.text import ARROWS, factor
from sr3.base.files import read_json, write_text

PUBLISHED_COLOUR = 6  # the page's grey
NEAREST = "nearest-"  # before the name of a system, of sheets by `bench.nearest`


def write_page(folder: Path, out: Path, shown: int = 48) -> Path:
    """Write the page of the run in `folder`.

    Args:
        shown: tiles; the worst and best images of each system are always among them.

    Raises:
        InputError: no finished run, or images that are gone.
    """
    finished = attached(read_finished(folder))
    write_text(out, render(finished, shown))
    return out


def render(finished: FinishedRun, shown: int) -> str:
    """The page as text."""
    first = finished.records[0]
    table = build(finished.records, finished.metrics, finished.comparisons, tables_of(first.suite))
    pictures = tiles.Pictures()
    paired = not finished.is_unpaired
    chosen = tiles.choose(finished, shown) if paired else []
    extreme = tiles.extremes(finished, pictures) if paired else []
    rows = [tiles.tile(finished, stem, pictures) for stem in chosen]
    power, counted = tiles.spectrum(finished) if paired else ("", 0)
    bands = [] if paired else list(tiles.bands(finished, pictures))
    words = _words_of_input(finished)
    data = {
        "metrics": [
            _metric_data(name, finished.metrics[name]) for name in tiles.per_image_metrics(finished)
        ],
        "systems": [record.system for record in finished.measured],
        "rows": rows,
        "images": pictures.uris,
        "input": words["input"],
        "smaller": words["smaller"],
        "agreement": words["agreement"],
    }
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            title=f"{first.suite}: {', '.join(r.system for r in finished.measured)}",
            subtitle=f"{table.caption}; {first.created[:10]}",
            **_shown(table),
            **words,
            charts=_charts(table),
            comparisons=_comparisons(finished),
            tradeoff=_tradeoff(finished),
            spectrum=power,
            spectrum_n=counted,
            groups=_groups(finished.folder),
            differing=_differing(finished.folder),
            extremes=extreme,
            paired=paired,
            bands=bands,
            drawn=_drawn(finished.folder),
            left_out=len(finished.images) - len(chosen),
            provenance=[_provenance(record) for record in finished.records],
            data=json.dumps(data, allow_nan=False).replace("</", "<\\/"),
        )
    )


def _words_of_input(finished: FinishedRun) -> Mapping[str, Any]:
    """What the page calls the systems' input, and how outputs are held against it."""
    low, smaller = low_of(finished), finished.records[0].scale > 1
    if low.degradation is None:
        return {
            "input": "LR", "the_input": "LR", "smaller": smaller, "brought": "down(sr)",
            "unranked": "interpolation",
            "agreement": "Absolute difference of the downsampled output and LR",
        }  # fmt: skip
    repeats = low.degradation.degradation.repeats
    done = "degraded as HR was" if repeats else "brought down by bicubic"
    return {
        "input": "Input", "the_input": "the input", "smaller": smaller,
        "brought": "A(sr)" if repeats else "down(sr)", "unranked": "the input, interpolation",
        "agreement": f"Absolute difference of the output, {done}, and the input",
    }  # fmt: skip


def table_html(table: Table, notes: Sequence[str] = ()) -> str:
    """The table alone, for a notebook: caption, numbers with intervals, its notes and further."""
    template = _environment().get_template("notebook.html.j2")
    return template.render(**_shown(table), further=notes)


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("bench.reporting"),
        autoescape=select_autoescape(["j2"]),
        trim_blocks=True,
    )


def _shown(table: Table) -> Mapping[str, Any]:
    """What the templates need to draw a table."""
    units = [" ".join(p for p in (c.unit, factor(c)) if p) for c in table.columns]
    return {"table": table, "arrows": ARROWS, "units": units, "cells": cell_text}


def cell_text(cell: Cell, column: Column) -> tuple[str, str]:
    """A cell's number and its interval."""
    if cell.state == "infinite":
        return "∞", ""
    if cell.value is None:
        return ("–" if cell.state == "unavailable" else ""), ""
    digits = digits_of(cell, column)
    number = f"{cell.value:.{digits}f}" + (" ?" if cell.unverified else "")
    if cell.low is None or cell.high is None:
        return number, ""
    return number, f"[{cell.low:.{digits}f}, {cell.high:.{digits}f}]"


def _charts(table: Table) -> Iterator[Mapping[str, str]]:
    for index, column in enumerate(table.columns):
        points = [
            Point(
                row.label,
                cell.value,
                cell.low,
                cell.high,
                PUBLISHED_COLOUR if section.published else place % PUBLISHED_COLOUR,
                section.published,
            )
            for section in table.sections
            for place, row in enumerate(section.rows)
            if (cell := row.cells[index]).value is not None
        ]
        if len(points) > 1:
            unit = " ".join(part for part in (column.unit, factor(column)) if part)
            title = f"{column.title} {ARROWS[column.direction]} {unit}".strip()
            yield {"title": title, "svg": dots(points, column.decimals, title)}


def _comparisons(finished: FinishedRun) -> list[Mapping[str, str]]:
    lines: list[Mapping[str, str]] = []
    for name, ranking in finished.comparisons.items():
        metric = finished.metrics.get(name)
        if metric is None or metric.direction == "none":
            continue
        for pair in ranking["pairs"]:
            numbers = [None if pair[k] is None else pair[k] * metric.shown_times
                       for k in ("difference", "low", "high")]  # fmt: skip
            texts = ["–" if n is None else f"{n:+.{metric.decimals}f}" for n in numbers]
            lines.append({
                "metric": metric.title, "a": pair["a"], "b": pair["b"], "difference": texts[0],
                "interval": f"[{texts[1]}, {texts[2]}]",
                "p": printed_p(pair["p_holm"], pair.get("p_is_bound", False)),
                "test": pair["test"],
            })  # fmt: skip
    return lines


def _tradeoff(finished: FinishedRun) -> Mapping[str, str] | None:
    """The picture as a data URI with its caption; None where no model has two settings."""
    shown = tradeoff_of(finished.records, finished.metrics)
    if shown is None:
        return None
    uri = f"data:image/svg+xml;base64,{base64.b64encode(drawn(shown, titled=False)).decode()}"
    return {"uri": uri, "caption": shown.caption, "distance": shown.naturalness.title,
            "fidelity": shown.fidelity.title}  # fmt: skip


def _metric_data(name: str, metric: Metric) -> Mapping[str, object]:
    return {
        "id": name,
        "title": metric.title,
        "higher": metric.direction == "higher",
        "decimals": metric.decimals,
        "times": metric.shown_times,
    }


def _groups(folder: Path) -> Mapping[str, str]:
    """Pictures of a breakdown by what they show, as data URIs."""
    pictures = {"metrics by group": "groups.png", "gains by group": "groups-gains.png"}
    return {
        title: f"data:image/png;base64,{base64.b64encode((folder / name).read_bytes()).decode()}"
        for title, name in pictures.items()
        if (folder / name).is_file()
    }


def _drawn(folder: Path) -> Mapping[str, str]:
    """Pictures that stand beside the records of an unpaired run, as data URIs."""
    found = {"Score over the number of steps (steps.csv)": folder / "steps.png"}
    found |= {
        f"Nearest training pictures of {path.stem.removeprefix(NEAREST)} (nearest.json)": path
        for path in sorted(folder.glob(f"{NEAREST}*.png"))
    }
    return {
        title: f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
        for title, path in found.items()
        if path.is_file()
    }


def _differing(folder: Path) -> list[str]:
    """The attributes whose groups differ, in words."""
    if not (folder / "groups.json").is_file():
        return []
    found = [Breakdown(**content) for content in read_json(folder / "groups.json")]
    return [f"{heading(b)} by {b.attribute}, p = {b.p_holm:.2g}" for b in found if differs(b)]


def _provenance(record: Record) -> Mapping[str, str]:
    return {"name": label_of(record), "text": json.dumps(asdict(record), indent=2)}
