"""One HTML file that holds everything: no script, no network, pictures inside."""

import base64
import io
from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from twoafc_server.analysis.analyse import Analysis
from twoafc_server.analysis.reading import published
from twoafc_server.analysis.reading.published import Published
from twoafc_server.analysis.writing import labels, latex, plots


def to_html(
    analysis: Analysis,
    rates: tuple[Published, ...] = (),
    sheets: Mapping[str, Image.Image] | None = None,
) -> str:
    """The report; `sheets` holds the Fig. 11 sheet of each task that has one."""
    environment = Environment(
        loader=PackageLoader("twoafc_server.analysis.writing"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    exposure = plots.exposure_chart(analysis)
    reference = labels.reference_of(analysis.source.protocol)
    pages = sheets or {}
    return environment.get_template("report.html").render(
        analysis=analysis,
        reference=reference,
        rate_name=labels.rate_name(reference),
        level=f"{100 * analysis.settings.level:g}",
        tost_level=f"{100 * (2 * analysis.settings.level - 1):g}",
        published=rates,
        published_sources=latex.sources(rates),
        all_verified=all(value.verified for value in rates),
        find=published.find,
        within=_within(analysis),
        simulated=analysis.simulated,
        bars=_svg(plots.bar_chart(analysis, rates)),
        image_charts=[(task, _svg(plots.image_chart(task))) for task in analysis.tasks],
        exposure=_svg(exposure) if exposure else "",
        sheets=[(task, _data(pages[task.task])) for task in analysis.tasks if task.task in pages],
        **_words(),
    )


def _words() -> dict[str, object]:
    return {
        "task_name": labels.task_name,
        "percent": labels.percent,
        "interval": labels.interval,
        "p_value": labels.p_value,
        "number": lambda value: "-" if value is None else f"{value:.2f}",
        "signed": lambda value: "-" if value is None else f"{100 * value:+.1f}",
        "spread": lambda variance: f"{100 * max(variance, 0.0) ** 0.5:.1f}",
    }


def _within(analysis: Analysis) -> bool:
    design = analysis.source.protocol.get("study_file", {}).get("design", {})
    return bool(design.get("kind") == "within")


def _svg(figure: Figure) -> Markup:
    text = plots.save(figure, "svg").decode("utf-8")
    return Markup(text[text.index("<svg") :])  # made here, not from data: safe to embed


def _data(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
