"""Every pair of systems on every metric: difference with interval, p after Holm, wins, verdict.

Systems are read back from their records, of one run or of several on the same HR images.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from bench.comparison.ranking import Ranking, Scored, printed_p, rank
from bench.metrics.protocol import Metric, load_metric
from bench.records.finished import read_finished
from bench.records.record import read_images, read_record
from sr3.base.errors import InputError
from sr3.base.files import read_json


@dataclass(frozen=True)
class SystemScores:
    """A system's numbers read back from its record and what lies beside it."""

    name: str
    hr: Mapping[str, str]
    scored: Mapping[str, Scored]


@dataclass(frozen=True)
class PairLine:
    """One pair on one metric, in the units that tables print; `p` is `p_holm` as printed."""

    metric: str
    a: str
    b: str
    value_a: float
    value_b: float
    difference: float
    low: float | None
    high: float | None
    p_value: float
    p_holm: float
    p: str
    wins_a: float | None
    n: int
    test: str
    verdict: str


def record_paths(what: Sequence[str]) -> list[Path]:
    """Files of the records that the command line means.

    Raises:
        InputError: fewer than two, or a name that the run does not have.
    """
    first = Path(what[0])
    if first.is_dir():
        known = [record.system for record in read_finished(first).measured]
        chosen = list(what[1:]) or known
        if absent := [name for name in chosen if name not in known]:
            raise InputError(
                f"found no {', '.join(absent)} in {first}, wanted some of {', '.join(known)}"
            )
        paths = [first / f"{name}.json" for name in chosen]
    else:
        paths = [Path(text) for text in what]
    if len(paths) < 2:
        raise InputError(f"found {len(paths)} systems, wanted at least two to compare")
    return paths


def read_scores(path: Path) -> SystemScores:
    """A record with its per-image values, hashes of HR and draws of set-level metrics.

    Raises:
        InputError: damaged or missing files.
    """
    record = read_record(path)
    stems, values = read_images(path.parent, record.system)
    with (path.parent / f"{record.system}.images.csv").open(encoding="utf-8", newline="") as handle:
        hr = {row["image"]: row["hr_sha256"] for row in csv.DictReader(handle)}
    if record.is_unpaired:  # other pictures of each system, but the same real ones
        hr = {"real pictures": str(record.dataset["sha256"])}
    order = np.argsort(np.array(stems))
    scored = {name: Scored(per_image=column[order]) for name, column in values.items()}
    draws = path.parent / f"{record.system}.draws.json"
    if draws.is_file():
        for name, content in read_json(draws).items():
            drawn = np.array(content["draws"])
            scored[name] = Scored(set_value=content["value"], draws=drawn, n=content["n"])
    return SystemScores(record.system, hr, scored)


def compare(judged: Sequence[SystemScores], metrics: Sequence[str] | None = None) -> list[PairLine]:
    """Every pair on every metric that all systems have.

    Raises:
        InputError: other images, equal names, or a metric that is not there.
    """
    named = _distinct(judged)
    _same_images(judged)
    shared = [m for m in judged[0].scored if all(m in j.scored for j in judged)]
    if absent := [m for m in metrics or () if m not in shared]:
        raise InputError(f"found no {', '.join(absent)} of all systems, wanted {', '.join(shared)}")
    lines: list[PairLine] = []
    for name in metrics or shared:
        metric = load_metric(name)
        scored = {system: j.scored[name] for system, j in named.items()}
        lines += _lines(name, metric, scored, rank(metric, scored))
    return lines


def _lines(
    name: str, metric: Metric, scored: Mapping[str, Scored], ranking: Ranking
) -> list[PairLine]:
    times, lines = metric.shown_times, []
    found = {(pair.a, pair.b): pair for pair in ranking.pairs}
    for a, b in combinations(scored, 2):
        if (pair := found.get((a, b))) is None:
            continue
        bounds = [None if x is None else x * times for x in (pair.low, pair.high)]
        lines.append(
            PairLine(
                name, a, b, scored[a].value(metric) * times, scored[b].value(metric) * times,
                pair.difference * times, bounds[0], bounds[1], pair.p_value, pair.p_holm,
                printed_p(pair.p_holm, pair.p_is_bound), _wins(metric, scored[a], scored[b]),
                _n(scored[a]), pair.test, _verdict(metric, a, b, bounds),
            )
        )  # fmt: skip
    return lines


def _verdict(metric: Metric, a: str, b: str, bounds: Sequence[float | None]) -> str:
    low, high = bounds
    if metric.direction == "none":
        return "not ranked"
    if low is None or high is None or low <= 0 <= high:
        return "tied"
    return f"{a if (low > 0) == (metric.direction == 'higher') else b} is better"


def _wins(metric: Metric, a: Scored, b: Scored) -> float | None:
    """Share of images on which `a` is strictly better, of those on which the two differ."""
    if a.per_image is None or b.per_image is None or metric.direction == "none":
        return None
    gap = a.per_image - b.per_image
    gap = gap[gap == gap] * (1 if metric.direction == "higher" else -1)
    decided = int((gap != 0).sum())
    return float((gap > 0).sum() / decided) if decided else None


def _n(scored: Scored) -> int:
    return scored.n if scored.per_image is None else len(scored.per_image)


def _distinct(judged: Sequence[SystemScores]) -> dict[str, SystemScores]:
    """Systems by name; those of one name in several runs are numbered."""
    names = [j.name for j in judged]
    twice = {name for name in names if names.count(name) > 1}
    numbered = [
        f"{name}#{names[: i + 1].count(name)}" if name in twice else name
        for i, name in enumerate(names)
    ]
    return dict(zip(numbered, judged, strict=True))


def _same_images(judged: Sequence[SystemScores]) -> None:
    first = judged[0]
    for other in judged[1:]:
        if other.hr != first.hr:
            shared = sum(other.hr.get(stem) == digest for stem, digest in first.hr.items())
            raise InputError(
                f"found {shared} images that {first.name} ({len(first.hr)}) and {other.name} "
                f"({len(other.hr)}) share, wanted the same HR set: run both on the same --data"
            )
