"""Compare systems on the same images: `python -m bench.compare results/runs/face8x sr3 regression`.

Every pair, metric by metric: paired bootstrap (McNemar for errors, resampled features for sets),
Holm's correction over the pairs of a metric, and the share of images on which each wins. Systems of
different runs are given as files of their records; they must have judged the same HR images.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from bench.base.extra import require_bench_extra
from sr3.base.errors import InputError, run_command

if TYPE_CHECKING:
    from bench.comparison.ranking import Ranking, Scored
    from bench.metrics.protocol import Metric


@dataclass(frozen=True)
class Judged:
    """A system's numbers read back from its record and what lies beside it."""

    name: str
    hr: Mapping[str, str]
    scored: Mapping[str, "Scored"]


@dataclass(frozen=True)
class Line:
    """One pair on one metric, in the units that tables print."""

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
    wins_a: float | None
    n: int
    test: str
    verdict: str


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.compare", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add = parser.add_argument
    add("what", nargs="+", metavar="RUN|RECORD|SYSTEM",
        help="a suite's folder and systems of it (none: all), or two or more records")  # fmt: skip
    add("--metrics", help="comma-separated (default: all that the systems share)")
    add("--json", type=Path, metavar="FILE", help="write everything there too")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Print a line per pair and metric."""
    options = parse(argv)
    require_bench_extra()
    from sr3.base.files import write_json

    judged = [read_judged(path) for path in record_paths(options.what)]
    names = options.metrics.split(",") if options.metrics else None
    lines = compare(judged, names)
    print("\n".join(_text(lines)))
    if options.json:
        write_json(options.json, [asdict(line) for line in lines])
    return 0


def record_paths(what: Sequence[str]) -> list[Path]:
    """Files of the records that the command line means.

    Raises:
        InputError: fewer than two, or a name that the run does not have.
    """
    first = Path(what[0])
    if first.is_dir():
        from bench.records.finished import read_results

        known = [record.system for record in read_results(first).measured]
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


def read_judged(path: Path) -> Judged:
    """A record with its per-image values, hashes of HR and draws of set-level metrics.

    Raises:
        InputError: damaged or missing files.
    """
    import csv

    import numpy as np

    from bench.comparison.ranking import Scored
    from bench.records.record import read_images, read_record
    from sr3.base.files import read_json

    record = read_record(path)
    stems, values = read_images(path.parent, record.system)
    with (path.parent / f"{record.system}.images.csv").open(encoding="utf-8", newline="") as handle:
        hr = {row["image"]: row["hr_sha256"] for row in csv.DictReader(handle)}
    order = np.argsort(np.array(stems))
    scored = {name: Scored(per_image=column[order]) for name, column in values.items()}
    draws = path.parent / f"{record.system}.draws.json"
    if draws.is_file():
        for name, content in read_json(draws).items():
            drawn = np.array(content["draws"])
            scored[name] = Scored(set_value=content["value"], draws=drawn, n=content["n"])
    return Judged(record.system, hr, scored)


def compare(judged: Sequence[Judged], metrics: Sequence[str] | None = None) -> list[Line]:
    """Every pair on every metric that all systems have.

    Raises:
        InputError: other images, equal names, or a metric that is not there.
    """
    from bench.comparison.ranking import rank

    named = _distinct(judged)
    _same_images(judged)
    shared = [m for m in judged[0].scored if all(m in j.scored for j in judged)]
    if absent := [m for m in metrics or () if m not in shared]:
        raise InputError(f"found no {', '.join(absent)} of all systems, wanted {', '.join(shared)}")
    lines: list[Line] = []
    for name in metrics or shared:
        metric = _metric(name)
        scored = {system: j.scored[name] for system, j in named.items()}
        lines += _lines(name, metric, scored, rank(metric, scored))
    return lines


def _lines(
    name: str, metric: "Metric", scored: Mapping[str, "Scored"], ranking: "Ranking"
) -> list[Line]:
    times, lines = metric.shown_times, []
    found = {(pair.a, pair.b): pair for pair in ranking.pairs}
    for a, b in combinations(scored, 2):
        if (pair := found.get((a, b))) is None:
            continue
        bounds = [None if x is None else x * times for x in (pair.low, pair.high)]
        lines.append(
            Line(
                name, a, b, scored[a].value(metric) * times, scored[b].value(metric) * times,
                pair.difference * times, bounds[0], bounds[1], pair.p_value, pair.p_holm,
                _wins(metric, scored[a], scored[b]), _n(scored[a]), pair.test,
                _verdict(metric, a, b, bounds),
            )
        )  # fmt: skip
    return lines


def _verdict(metric: "Metric", a: str, b: str, bounds: Sequence[float | None]) -> str:
    low, high = bounds
    if metric.direction == "none":
        return "not ranked"
    if low is None or high is None or low <= 0 <= high:
        return "tied"
    return f"{a if (low > 0) == (metric.direction == 'higher') else b} is better"


def _wins(metric: "Metric", a: "Scored", b: "Scored") -> float | None:
    """Share of images on which `a` is strictly better, of those on which the two differ."""
    if a.per_image is None or b.per_image is None or metric.direction == "none":
        return None
    gap = a.per_image - b.per_image
    gap = gap[gap == gap] * (1 if metric.direction == "higher" else -1)
    decided = int((gap != 0).sum())
    return float((gap > 0).sum() / decided) if decided else None


def _n(scored: "Scored") -> int:
    return scored.n if scored.per_image is None else len(scored.per_image)


def _distinct(judged: Sequence[Judged]) -> dict[str, Judged]:
    """Systems by name; those of one name in several runs are numbered."""
    names = [j.name for j in judged]
    twice = {name for name in names if names.count(name) > 1}
    numbered = [
        f"{name}#{names[: i + 1].count(name)}" if name in twice else name
        for i, name in enumerate(names)
    ]
    return dict(zip(numbered, judged, strict=True))


def _same_images(judged: Sequence[Judged]) -> None:
    first = judged[0]
    for other in judged[1:]:
        if other.hr != first.hr:
            shared = sum(other.hr.get(stem) == digest for stem, digest in first.hr.items())
            raise InputError(
                f"found {shared} images that {first.name} ({len(first.hr)}) and {other.name} "
                f"({len(other.hr)}) share, wanted the same HR set: run both on the same --data"
            )


def _metric(name: str) -> "Metric":
    from bench.metrics.protocol import load_metric

    return load_metric(name)


def _text(lines: Sequence[Line]) -> list[str]:
    heading = ("metric", "A", "B", "A's", "B's", "A - B [95 %]", "p (Holm)", "A wins", "")
    rows: list[tuple[str, ...]] = [heading]
    rows += [_cells(line) for line in lines]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    text = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    tests = sorted({line.test for line in lines})
    return [*text, f"n = {lines[0].n if lines else 0}; tests: {', '.join(tests)}"]


def _cells(line: Line) -> tuple[str, ...]:
    interval = "" if line.low is None else f" [{line.low:+.4g}, {line.high:+.4g}]"
    wins = "" if line.wins_a is None else f"{line.wins_a:.0%}"
    p_value = "< 0.001" if line.p_holm < 0.001 else f"{line.p_holm:.3f}"
    return (
        line.metric, line.a, line.b, f"{line.value_a:.5g}", f"{line.value_b:.5g}",
        f"{line.difference:+.4g}{interval}", p_value, wins, line.verdict,
    )  # fmt: skip


if __name__ == "__main__":
    run_command(main)
