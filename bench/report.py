"""One self-contained HTML page of a finished run: `python -m bench.report results/runs/face8x`.

Works offline and loads nothing: table, plots with intervals, comparisons, spectrum, worst and best
images, tiles sortable by any metric or by the disagreement of two, error and consistency maps,
provenance.
"""

from bench.base.extra import stop_without_extra

if __name__ == "__main__":
    stop_without_extra()  # before the imports below, which need torch

import argparse
import base64
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, select_autoescape
from PIL import Image

from bench.groups import Breakdown
from bench.humans import attached
from bench.images.hr import read_checked
from bench.images.pixels import make_lr, to_batch
from bench.metrics.protocol import Metric
from bench.metrics.spectrum import radial_power
from bench.records.finished import Results, read_results
from bench.records.published import load_table, table_names
from bench.records.record import REFERENCE, Record
from bench.reporting.charts import Point, curves, dots
from bench.reporting.sheet import spread
from bench.typesetting.group_text import differs, heading
from bench.typesetting.layout import Cell, Column, Table, build, digits_of, label_of
from bench.typesetting.text import ARROWS, factor
from sr3.base.errors import run_command
from sr3.base.files import read_json, write_text
from sr3.pictures.resize import downsample

SHOWN_IMAGES = 48
EXTREMES = 3
SPECTRUM_IMAGES = 200
PUBLISHED_COLOUR = 6  # the page's grey
CONSISTENCY_GAIN = 16  # as the page says beside the maps


@dataclass
class Pictures:
    """Data URIs by id, each stored once however often the page shows it."""

    uris: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, pixels: np.ndarray) -> str:
        """Store (H, W, 3) uint8 losslessly under `key` and return it."""
        if key not in self.uris:
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "WEBP", lossless=True, method=3)
            encoded = base64.b64encode(buffer.getvalue()).decode()
            self.uris[key] = f"data:image/webp;base64,{encoded}"
        return key


def write_report(folder: Path, out: Path, shown: int = SHOWN_IMAGES) -> Path:
    """Write the page of the run in `folder`.

    Args:
        shown: tiles; the worst and best images of each system are always among them.

    Raises:
        InputError: no finished run, or images that are gone.
    """
    results = attached(read_results(folder))
    write_text(out, render(results, shown))
    return out


def render(results: Results, shown: int) -> str:
    """The page as text."""
    first = results.records[0]
    published = next((load_table(n) for n in table_names() if load_table(n).suite == first.suite
                      and n.startswith("table")), None)  # fmt: skip
    table = build(results.records, results.metrics, results.comparisons, published)
    pictures = Pictures()
    chosen = choose(results, shown)
    extremes = _extremes(results, pictures)
    rows = [_row(results, stem, pictures) for stem in chosen]
    power, counted = _spectrum(results)
    data = {
        "metrics": [_metric_data(name, results.metrics[name]) for name in _per_image(results)],
        "systems": [record.system for record in results.measured],
        "rows": rows,
        "images": pictures.uris,
    }
    environment = Environment(
        loader=PackageLoader("bench.reporting"),
        autoescape=select_autoescape(["j2"]),
        trim_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        title=f"{first.suite}: {', '.join(r.system for r in results.measured)}",
        subtitle=f"{table.caption}; {first.created[:10]}",
        table=table,
        arrows=ARROWS,
        units=[" ".join(p for p in (c.unit, factor(c)) if p) for c in table.columns],
        cells=cell_text,
        charts=_charts(table),
        comparisons=_comparisons(results),
        spectrum=power,
        spectrum_n=counted,
        groups=_groups(results.folder),
        differing=_differing(results.folder),
        extremes=extremes,
        left_out=len(results.images) - len(chosen),
        provenance=[_provenance(record) for record in results.records],
        data=json.dumps(data, allow_nan=False).replace("</", "<\\/"),
    )


def choose(results: Results, shown: int) -> list[str]:
    """Stems of the tiles: worst and best of each system, then evenly spread ones."""
    chosen: set[str] = set()
    for _, _, order in _orders(results):
        chosen |= set(order[:EXTREMES]) | set(order[-EXTREMES:])
    rest = [stem for stem in results.images if stem not in chosen]
    chosen |= {rest[i] for i in spread(len(rest), max(2, shown - len(chosen)))} if rest else set()
    return [stem for stem in results.images if stem in chosen]


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


def _comparisons(results: Results) -> list[Mapping[str, str]]:
    lines: list[Mapping[str, str]] = []
    for name, ranking in results.comparisons.items():
        metric = results.metrics.get(name)
        if metric is None or metric.direction == "none":
            continue
        for pair in ranking["pairs"]:
            numbers = [None if pair[k] is None else pair[k] * metric.shown_times
                       for k in ("difference", "low", "high")]  # fmt: skip
            texts = ["–" if n is None else f"{n:+.{metric.decimals}f}" for n in numbers]
            lines.append({
                "metric": metric.title, "a": pair["a"], "b": pair["b"], "difference": texts[0],
                "interval": f"[{texts[1]}, {texts[2]}]", "p": f"{pair['p_holm']:.2g}",
                "test": pair["test"],
            })  # fmt: skip
    return lines


def _orders(results: Results) -> Iterator[tuple[str, str, list[str]]]:
    """System, metric and stems from worst to best, for the first ranked per-image metric."""
    names = [n for n in _per_image(results) if results.metrics[n].direction != "none"]
    if not names:
        return
    higher = results.metrics[names[0]].direction == "higher"
    for record in results.measured:
        values = results.values[record.system].get(names[0])
        if values is not None:
            order = np.argsort(values if higher else -values, kind="stable")
            yield record.system, names[0], [results.images[i] for i in order]


def _extremes(results: Results, pictures: Pictures) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for system, metric, order in _orders(results):
        definition = results.metrics[metric]
        for kind, stems in (("worst", order[:EXTREMES]), ("best", order[::-1][:EXTREMES])):
            images = [
                {
                    "stem": stem,
                    "sr": _picture(results, system, stem, pictures),
                    "hr": _picture(results, REFERENCE, stem, pictures),
                    "value": _shown(definition, _value(results, system, metric, stem)),
                }
                for stem in stems
            ]
            found.append(
                {"system": system, "kind": kind, "metric": definition.title, "images": images}
            )
    return found


def _row(results: Results, stem: str, pictures: Pictures) -> Mapping[str, Any]:
    hr = _read(results, REFERENCE, stem)
    scale = results.records[0].scale
    lr = make_lr(to_batch([hr]), scale)
    small = lr[0].permute(1, 2, 0).numpy()
    consistency = []
    for record in results.measured:
        down = downsample(to_batch([_read(results, record.system, stem)]).double(), scale)
        error = (down.clamp(0, 255) - lr).abs()[0].permute(1, 2, 0).numpy() * CONSISTENCY_GAIN
        pixels = error.clip(0, 255).round().astype(np.uint8)
        consistency.append(pictures.add(f"consistency/{record.system}/{stem}", pixels))
    index = results.images.index(stem)
    values = [
        [_finite(results.values[r.system].get(name), index) for name in _per_image(results)]
        for r in results.measured
    ]
    return {
        "stem": stem,
        "lr": pictures.add(f"lr/{stem}", small),
        "hr": pictures.add(f"{REFERENCE}/{stem}", hr),
        "sr": [_picture(results, r.system, stem, pictures) for r in results.measured],
        "consistency": consistency,
        "values": values,
    }


def _spectrum(results: Results) -> tuple[str, int]:
    """The mean radial power of HR and of every system, as a chart."""
    stems = [results.images[i] for i in spread(len(results.images), SPECTRUM_IMAGES)]
    lines = {}
    for system in (REFERENCE, *(record.system for record in results.measured)):
        total = sum(
            radial_power(to_batch([_read(results, system, stem)]).double() / 255)[0].numpy()
            for stem in stems
        )
        lines["HR" if system == REFERENCE else system] = np.asarray(total / len(stems)).tolist()
    first = results.records[0]
    nyquist = min(first.size) / first.scale / 2
    return curves(lines, "cycles per image", "dB", nyquist), len(stems)


def _read(results: Results, system: str, stem: str) -> np.ndarray:
    height, width = results.records[0].size
    return read_checked(results.path(system, stem), (height, width), "the report")


def _picture(results: Results, system: str, stem: str, pictures: Pictures) -> str:
    return pictures.add(f"{system}/{stem}", _read(results, system, stem))


def _per_image(results: Results) -> list[str]:
    columns = {name for values in results.values.values() for name in values}
    return [name for name in results.metrics if name in columns]


def _metric_data(name: str, metric: Metric) -> Mapping[str, Any]:
    return {
        "id": name,
        "title": metric.title,
        "higher": metric.direction == "higher",
        "decimals": metric.decimals,
        "times": metric.shown_times,
    }


def _value(results: Results, system: str, metric: str, stem: str) -> float:
    return float(results.values[system][metric][results.images.index(stem)])


def _shown(metric: Metric, value: float) -> str:
    return "∞" if math.isinf(value) else f"{value * metric.shown_times:.{metric.decimals}f}"


def _finite(values: Any, index: int) -> float | None:
    if values is None or not math.isfinite(values[index]):
        return None
    return float(values[index])


def _groups(folder: Path) -> Mapping[str, str]:
    """Pictures of a breakdown by what they show, as data URIs."""
    pictures = {"metrics by group": "groups.png", "gains by group": "groups-gains.png"}
    return {
        title: f"data:image/png;base64,{base64.b64encode((folder / name).read_bytes()).decode()}"
        for title, name in pictures.items()
        if (folder / name).is_file()
    }


def _differing(folder: Path) -> list[str]:
    """The attributes whose groups differ, in words."""
    if not (folder / "groups.json").is_file():
        return []
    found = [Breakdown(**content) for content in read_json(folder / "groups.json")]
    return [f"{heading(b)} by {b.attribute}, p = {b.p_holm:.2g}" for b in found if differs(b)]


def _provenance(record: Record) -> Mapping[str, str]:
    return {"name": label_of(record), "text": json.dumps(asdict(record), indent=2)}


def main(argv: list[str] | None = None) -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.report", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a suite's records")
    parser.add_argument("--out", type=Path, help="default: report.html in that folder")
    parser.add_argument("--images", type=int, default=SHOWN_IMAGES, help="tiles shown (default 48)")
    options = parser.parse_args(argv)
    out = write_report(options.run, options.out or options.run / "report.html", options.images)
    print(f"wrote {out} ({out.stat().st_size / 2**20:.1f} MiB)")
    return 0


if __name__ == "__main__":
    run_command(main)
