"""Every output of an analysis into one folder, each file written aside and then renamed."""

import io
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from twoafc_server.analysis.analyse import Analysis
from twoafc_server.analysis.reading.pictures import Pictures
from twoafc_server.analysis.reading.published import Published
from twoafc_server.analysis.writing import latex, plots, report, tables
from twoafc_server.analysis.writing.labels import reference_of
from twoafc_server.analysis.writing.sheet import sheet
from twoafc_server.base.files import write_atomic


def write_all(
    analysis: Analysis,
    out: Path,
    rates: tuple[Published, ...] = (),
    pictures: Pictures | None = None,
) -> list[Path]:
    """Write tables, pictures and the report into `out`; returns the files."""
    sheets = _sheets(analysis, pictures) if pictures else {}
    files: dict[str, bytes] = {
        "analysis.json": tables.to_json(analysis).encode(),
        "table.tex": latex.to_latex(analysis, rates).encode(),
        "report.html": report.to_html(analysis, rates, sheets).encode(),
        **{name: text.encode() for name, text in tables.csv_files(analysis).items()},
        **_pictures(analysis, rates),
        **{f"best_and_worst_{task}.png": _png(page) for task, page in sheets.items()},
    }
    for name, data in files.items():
        write_atomic(out / name, data)
    return [out / name for name in files]


def _pictures(analysis: Analysis, rates: tuple[Published, ...]) -> dict[str, bytes]:
    bars = plots.bar_chart(analysis, rates)
    files = {"fool_rates.pdf": plots.save(bars, "pdf"), "fool_rates.png": plots.save(bars, "png")}
    for task in analysis.tasks:
        files[f"images_{task.task}.png"] = plots.save(plots.image_chart(task), "png")
    exposure = plots.exposure_chart(analysis)
    if exposure:
        files["exposure.png"] = plots.save(exposure, "png")
    return files


def _sheets(analysis: Analysis, pictures: Pictures) -> Mapping[str, Image.Image]:
    reference = reference_of(analysis.source.protocol)
    return {task.task: sheet(task, pictures, reference) for task in analysis.tasks}


def _png(page: Image.Image) -> bytes:
    buffer = io.BytesIO()
    page.save(buffer, format="PNG")
    return buffer.getvalue()
