"""A table in the shape of the paper's Figs. 9 and 10: tasks down, systems across, in percent."""

from twoafc_server.analysis.analyse import Analysis, TaskReport
from twoafc_server.analysis.reading.published import Published, find
from twoafc_server.analysis.writing.labels import (
    interval,
    percent,
    rate_name,
    reference_of,
    task_name,
)

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def escape(text: str) -> str:
    """Text as LaTeX prints it."""
    return "".join(_SPECIAL.get(character, character) for character in text)


def to_latex(analysis: Analysis, published: tuple[Published, ...] = ()) -> str:
    """A `table` environment that needs only `booktabs`."""
    systems = sorted({name for task in analysis.tasks for name in task.systems})
    lines = [
        r"\begin{table}[t]",
        r"\centering",
        rf"\caption{{{_caption(analysis, published)}}}",
        rf"\begin{{tabular}}{{l{'c' * len(systems)}}}",
        r"\toprule",
        " & ".join(["", *(escape(name) for name in systems)]) + r" \\",
        r"\midrule",
    ]
    for task in analysis.tasks:
        lines += _task_rows(task, systems, published)
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    return "\n".join(lines)


def _task_rows(task: TaskReport, systems: list[str], published: tuple[Published, ...]) -> list[str]:
    rates = [task.systems[name].rate.headline if name in task.systems else None for name in systems]
    best = max(found.rate for found in rates if found)
    rows = [
        [
            escape(task_name(task.task)),
            *(_bold(f.rate, f.rate == best) if f else "--" for f in rates),
        ],
        ["", *(rf"{{\footnotesize {interval(f.low, f.high)}}}" if f else "" for f in rates)],
    ]
    beside = [find(published, task.task, name) for name in systems]
    if any(beside):
        rows.append([r"\quad published", *(_published(value) for value in beside)])
    return [" & ".join(row) + r" \\" for row in rows]


def _bold(rate: float, best: bool) -> str:
    return rf"\textbf{{{percent(rate)}}}" if best else percent(rate)


def _published(value: Published | None) -> str:
    if value is None:
        return "--"
    mark = "" if value.verified else r"$^\dagger$"
    return rf"\textit{{{percent(value.rate)}}}{mark}"


def _caption(analysis: Analysis, published: tuple[Published, ...]) -> str:
    who = "simulated observers" if analysis.simulated else "participants"
    name = rate_name(reference_of(analysis.source.protocol))
    level = f"{100 * analysis.settings.level:g}"
    methods = {r.rate.headline.method for t in analysis.tasks for r in t.systems.values()}
    text = (
        f"{name[0].upper()}{name[1:]} (%) of {analysis.participants} {who}, with {level} % "
        f"intervals ({', '.join(sorted(methods))})."
    )
    if published:
        text += f" In italics: as published by {sources(published)}, another study."
        if not all(value.verified for value in published):
            text += r" \dag: not verified in the source."
    return escape(text).replace(r"\textbackslash{}dag", r"$^\dagger$")


def sources(published: tuple[Published, ...]) -> str:
    """Where the published rates come from, in words."""
    known = {"arxiv": "Saharia et al. (arXiv 2104.07636)"}
    return ", ".join(sorted({known.get(value.source, value.source) for value in published}))
