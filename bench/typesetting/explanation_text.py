"""An explanation as text and as JSON."""

import json
from dataclasses import asdict
from typing import Any

from bench.comparison.explanation import Explanation
from bench.records.finished import FinishedRun
from bench.records.published import load_table


def render(explanation: Explanation) -> str:
    """A line per convention, those that explain the number marked, then the verdict."""
    claim = explanation.claim
    width = max(len(a.convention) for a in explanation.attempts)
    marked = {a.convention for a in explanation.explaining}
    lines = [f"{claim.system}, {claim.metric}: {claim.label} {claim.value:g}"]
    for attempt in explanation.attempts:
        mark = "  <- explains it" if attempt.convention in marked else ""
        lines.append(
            f"  {attempt.convention:<{width}}  {attempt.value:9.4g}  {attempt.off:+9.3g}{mark}"
        )
    return "\n".join([*lines, f"  {explanation.verdict} (slack {explanation.slack:.2g})"])


def caveat(finished: FinishedRun, paper: str | None) -> str:
    """Which images the two numbers are over."""
    dataset = finished.records[0].dataset["name"]
    if paper is None:
        return f"This run is over {dataset}."
    published = load_table(paper).dataset
    return (
        f"This run is over {dataset}; {paper} is over {published}. Where these differ, so may any "
        "number, and a convention that fits one system must fit the others too."
    )


def to_json(explanation: Explanation) -> dict[str, Any]:
    """The same for `--json`."""
    content: dict[str, Any] = json.loads(json.dumps(asdict(explanation)))
    return content | {"verdict": explanation.verdict}
