"""Why does a number differ from a published one? `python -m bench.explain RUN --paper table2`.

Computes PSNR, SSIM and consistency of a finished run again under every convention in use (RGB or
luma, border, SSIM window, pooled or mean, downsampling kernel) and says which of them would explain
the difference. RUN is a suite's folder of records, such as results/runs/face8x.
"""

import argparse
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.base.extra import require_bench_extra
from sr3.base.errors import InputError, run_command

if TYPE_CHECKING:
    from bench.metrics.protocol import ImageBatch
    from bench.records.finished import Results

BATCH = 8


@dataclass(frozen=True)
class Claim:
    """A published number of a system in the run; `step` is the unit of its last printed digit."""

    system: str
    metric: str
    label: str
    value: float
    step: float


@dataclass(frozen=True)
class Attempt:
    """A convention's number; `off` is its distance from the published one."""

    convention: str
    value: float
    off: float


@dataclass(frozen=True)
class Explanation:
    """A claim beside every convention; `slack` is what sampling and rounding allow."""

    claim: Claim
    slack: float
    attempts: tuple[Attempt, ...]

    @property
    def measured(self) -> Attempt:
        """The harness's own number."""
        return self.attempts[0]

    @property
    def explaining(self) -> tuple[Attempt, ...]:
        """Conventions that come within the slack, nearest first; none if the default does."""
        if abs(self.measured.off) <= self.slack:
            return ()
        near = [a for a in self.attempts[1:] if abs(a.off) <= self.slack]
        return tuple(sorted(near, key=lambda a: abs(a.off)))

    @property
    def verdict(self) -> str:
        """One sentence."""
        if abs(self.measured.off) <= self.slack:
            return "agrees within the interval: nothing to explain"
        if self.explaining:
            return f"would be explained by: {'; or '.join(a.convention for a in self.explaining)}"
        return "explained by none of these conventions: data, model or LR differ"


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.explain", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="folder of a suite's records")
    add("--paper", metavar="TABLE", help="published table, such as table2")
    add("--value", type=_value, action="append", default=[], metavar="SYSTEM:METRIC=NUMBER",
        help="any other published number, in the unit that tables print; repeatable")  # fmt: skip
    add("--match", type=_pair, action="append", default=[], metavar="SYSTEM=ROW",
        help="row of the table that a system of the run stands for; repeatable")  # fmt: skip
    add("--limit", type=int, help="use only the first N images")
    add("--json", type=Path, metavar="FILE", help="write everything there too")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Print every convention of every claim, and the verdicts."""
    options = parse(argv)
    require_bench_extra()
    from bench.records.finished import read_results
    from sr3.base.files import write_json

    results = read_results(options.run)
    claims = list(_claims(results, options.paper, dict(options.match)))
    claims += [_given(results, *value) for value in options.value]
    if not claims:
        raise InputError(
            "found no published number of a system in this run: give --paper with --match, "
            f"or --value; the run has {', '.join(r.system for r in results.measured)}"
        )
    explanations = [explain(results, claim, options.limit) for claim in claims]
    print("\n\n".join(_text(e) for e in explanations))
    print(f"\n{_caveat(results, options.paper)}")
    if options.json:
        write_json(options.json, [_as_json(e) for e in explanations])
    return 0


def explain(results: "Results", claim: Claim, limit: int | None = None) -> Explanation:
    """Compute one system's metric under every convention.

    Raises:
        InputError: the run lacks the metric's images or intervals.
    """
    import numpy as np

    from bench.comparison.conventions import conventions

    ways = conventions(claim.metric)
    values: dict[str, list[Any]] = {way.name: [] for way in ways}
    for batch in _batches(results, claim.system, limit):
        for way in ways:
            values[way.name].append(way.per_image(batch))
    times = results.metrics[claim.metric].shown_times if claim.metric in results.metrics else 1.0
    attempts = []
    for way in ways:
        per_image = np.concatenate(values[way.name])
        shown = way.pool(per_image[np.isfinite(per_image)]) * times
        attempts.append(Attempt(way.name, shown, shown - claim.value))
    return Explanation(claim, _slack(results, claim, times), tuple(attempts))


def _claims(results: "Results", paper: str | None, match: Mapping[str, str]) -> Iterator[Claim]:
    if paper is None:
        return
    from bench.comparison.conventions import explained_metrics
    from bench.records.published import load_table

    rows = {_plain(row.system): row for row in load_table(paper).rows}
    for record in results.measured:
        row = rows.get(_plain(match.get(record.system, record.system)))
        for metric in explained_metrics():
            if row is None or metric not in row.values:
                continue
            times = results.metrics[metric].shown_times if metric in results.metrics else 1.0
            value = row.values[metric].value * times
            label = f"{row.system} in {paper}"
            yield Claim(record.system, metric, label, value, _step(value))


def _given(results: "Results", system: str, metric: str, number: str) -> Claim:
    from bench.comparison.conventions import explained_metrics

    known = [record.system for record in results.measured]
    if system not in known:
        raise InputError(f"found no system {system!r} in the run, wanted one of {', '.join(known)}")
    if metric not in explained_metrics():
        raise InputError(
            f"found no conventions of {metric!r}, wanted one of {', '.join(explained_metrics())}"
        )
    digits = len(number.partition(".")[2])
    return Claim(system, metric, "the given number", float(number), 10.0**-digits)


def _slack(results: "Results", claim: Claim, times: float) -> float:
    """Half of the run's interval plus half of the last printed digit."""
    record = next(r for r in results.measured if r.system == claim.system)
    score = record.metrics.get(claim.metric)
    half = 0.0
    if score is not None and score.low is not None and score.high is not None:
        half = (score.high - score.low) / 2 * times
    return half + claim.step / 2


def _batches(results: "Results", system: str, limit: int | None) -> Iterator["ImageBatch"]:
    from bench.images.pixels import make_lr, to_batch
    from bench.metrics.protocol import ImageBatch
    from bench.records.record import REFERENCE
    from sr3.pictures.images import read_rgb

    scale = next(r.scale for r in results.measured if r.system == system)
    stems = results.images[:limit]
    for start in range(0, len(stems), BATCH):
        chosen = stems[start : start + BATCH]
        sr, hr = (
            to_batch([read_rgb(results.path(name, stem)) for stem in chosen])
            for name in (system, REFERENCE)
        )
        yield ImageBatch(chosen, sr, hr, make_lr(hr, scale), scale)


def _text(explanation: Explanation) -> str:
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


def _caveat(results: "Results", paper: str | None) -> str:
    dataset = results.records[0].dataset["name"]
    if paper is None:
        return f"This run is over {dataset}."
    from bench.records.published import load_table

    published = load_table(paper).dataset
    return (
        f"This run is over {dataset}; {paper} is over {published}. Where these differ, so may any "
        "number, and a convention that fits one system must fit the others too."
    )


def _as_json(explanation: Explanation) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(json.dumps(asdict(explanation)))
    return content | {"verdict": explanation.verdict}


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def _step(value: float) -> float:
    """Unit of the last digit of a number as it is printed shortest."""
    text = f"{value:.10g}"
    return 10.0 ** -len(text.partition(".")[2]) if "." in text else 1.0


def _value(text: str) -> tuple[str, str, str]:
    names, _, number = text.partition("=")
    system, _, metric = names.partition(":")
    if not metric or not _is_number(number):
        raise argparse.ArgumentTypeError(f"found {text!r}, wanted SYSTEM:METRIC=NUMBER")
    return system, metric, number


def _pair(text: str) -> tuple[str, str]:
    system, separator, row = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"found {text!r}, wanted SYSTEM=ROW")
    return system, row


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


if __name__ == "__main__":
    run_command(main)
