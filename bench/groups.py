"""Every per-image metric by group: is a system worse for some people than for others?

    python -m bench.groups results/runs/face8x --groups embedded

The paper names bias among the limits of such models and measures none. Attributes come from a JSONL
or CSV file with a row per image; here they are cut into groups, each with its mean and 95 %
interval, and the groups of an attribute are compared by a Kruskal-Wallis test, Holm-corrected over
the attributes. Set-level metrics are left out: a Frechet distance depends on the size of its set,
so those of groups of different size cannot be compared.
"""

from bench.extra import stop_without_extra

if __name__ == "__main__":
    stop_without_extra()  # before the imports below, which need torch

import argparse
import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from bench.dataset import EMBEDDED
from bench.files import write_json, write_text
from bench.group_plot import write_plot
from bench.metric import Metric, Values, load_metric, metric_names
from bench.records import is_record, read_images, read_record
from bench.statistics import Interval, bootstrap_mean, holm
from sr3.errors import InputError, run_command

KEYS = ("image", "file", "name", "stem")  # columns that may name the image
NOT_ATTRIBUTES = (*KEYS, "seed")
LEVELS = 8  # numbers with more distinct values are cut into thirds
RARE = 5  # levels with fewer images are joined as "other"
OTHER = "other"

Attributes = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Group:
    """One level of an attribute: mean of a metric with its interval."""

    level: str
    value: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Breakdown:
    """One attribute of one metric of one system; `p_holm` is over the attributes."""

    system: str
    metric: str
    attribute: str
    groups: tuple[Group, ...]
    p_value: float
    p_holm: float


def read_attributes(path: Path) -> Attributes:
    """Attributes by image stem, from JSONL or CSV.

    Raises:
        InputError: unreadable, or no column that names the image.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".csv":
            rows: list[dict[str, Any]] = list(csv.DictReader(text.splitlines()))
        else:
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(f"found no readable attributes at {path} ({error})") from error
    key = next((k for k in KEYS if rows and k in rows[0]), None)
    if key is None:
        raise InputError(f"found no column {' or '.join(KEYS)} in {path} to name the images")
    return {Path(str(row[key])).stem: row for row in rows}


def levels(values: Sequence[Any]) -> list[str]:
    """The group of each value: thirds of a number, the largest share of a blend, else itself."""
    plain = [max(v, key=lambda k: v[k]) if isinstance(v, Mapping) else v for v in values]
    numbers = [_number(value) for value in plain]
    if all(n is not None for n in numbers) and len(set(numbers)) > LEVELS:
        return _thirds(np.array(numbers, dtype=np.float64))
    named = [str(value) for value in plain]
    count = Counter(named)
    return [name if count[name] >= RARE else OTHER for name in named]


def break_down(
    system: str, images: Sequence[str], values: Mapping[str, Values], attributes: Attributes,
    metrics: Mapping[str, Metric],
) -> list[Breakdown]:  # fmt: skip
    """Every metric of one system by every attribute that has at least two groups.

    Raises:
        InputError: an image without attributes.
    """
    lacking = [image for image in images if image not in attributes]
    if lacking:
        raise InputError(f"found no attributes of {len(lacking)} images, such as {lacking[0]}")
    rows = [attributes[image] for image in images]
    grouped = _grouped(rows)
    result = []
    for metric, column in values.items():
        tests = [_compare(column, member) for member in grouped.values()]
        for (name, member), p, corrected in zip(grouped.items(), tests, holm(tests), strict=True):
            groups = tuple(
                _group(level, column[member == level], metrics[metric]) for level in _order(member)
            )
            result.append(Breakdown(system, metric, name, groups, p, corrected))
    return result


def of_run(folder: Path, path: Path) -> list[Breakdown]:
    """Break all records of a suite's folder down and write groups.json, groups.txt, groups.png."""
    attributes = read_attributes(path)
    known = set(metric_names())
    result: list[Breakdown] = []
    for file in sorted(folder.glob("*.json")):
        if not is_record(file) or (record := read_record(file)).status != "ok":
            continue
        if record.role == "reference":
            continue
        images, values = read_images(folder, record.system)
        shown = {k: v for k, v in values.items() if k in known and not load_metric(k).ledger}
        metrics = {name: load_metric(name) for name in shown}
        result += break_down(record.system, images, shown, attributes, metrics)
    if not result:
        raise InputError(f"found no finished records in {folder}: run `python -m bench.run` first")
    write_json(folder / "groups.json", [asdict(breakdown) for breakdown in result])
    write_text(folder / "groups.txt", render(result))
    write_plot(folder / "groups.png", result)
    return result


def render(breakdowns: Sequence[Breakdown]) -> str:
    """The breakdowns as text: a line per group, the test beside the attribute."""
    lines = []
    for b in breakdowns:
        metric = load_metric(b.metric)
        flag = "  differs" if b.p_holm < 0.05 else ""
        lines.append(f"{b.system}  {metric.title}  by {b.attribute}: p = {b.p_holm:.3g}{flag}")
        for group in b.groups:
            shown = [None if x is None else x * metric.shown_times
                     for x in (group.value, group.low, group.high)]  # fmt: skip
            value, low, high = (
                "-" if x is None else f"{x:.{metric.decimals}f}" for x in shown
            )  # fmt: skip
            lines.append(f"    {group.level:24} {value:>9} [{low}, {high}]  n = {group.n}")
    return "\n".join(lines) + "\n"


def embedded_attributes() -> Path:
    """Attributes of the embedded faces."""
    return EMBEDDED / "faces-rendered" / "attributes.jsonl"


def main(argv: list[str] | None = None) -> int:
    """Break a finished run down."""
    parser = argparse.ArgumentParser(prog="python -m bench.groups", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a suite's records")
    parser.add_argument("--groups", required=True, help="JSONL or CSV file, or `embedded`")
    options = parser.parse_args(argv)
    found = of_run(options.run, resolve(options.groups))
    print(render(found), end="")
    return 0


def resolve(name: str) -> Path:
    """The file of `--groups`."""
    return embedded_attributes() if name == "embedded" else Path(name)


def _grouped(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Level of each image by attribute; those with fewer than two groups of two are left out."""
    grouped = {}
    for name in rows[0]:
        if name not in NOT_ATTRIBUTES:
            found = levels([row.get(name) for row in rows])
            if sum(count > 1 for count in Counter(found).values()) > 1:
                grouped[name] = np.array(found)
    return grouped


def _group(level: str, values: Values, metric: Metric) -> Group:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return Group(level, float("nan"), None, None, 0)
    interval: Interval = (
        metric.interval(finite) if metric.per_feature is not None else bootstrap_mean(finite)
    )
    return Group(level, interval.value, interval.low, interval.high, interval.n)


def _compare(values: Values, found: Any) -> float:
    """Kruskal-Wallis p-value; 1 where all values are equal or infinite."""
    finite = np.isfinite(values)
    samples = [values[finite & (found == level)] for level in np.unique(found)]
    samples = [sample for sample in samples if sample.size]
    if len(samples) < 2 or np.ptp(np.concatenate(samples)) == 0:
        return 1.0
    return float(stats.kruskal(*samples).pvalue)


def _order(found: Any) -> list[str]:
    names = sorted(set(found.tolist()), key=lambda level: (level == OTHER, _leading(level), level))
    return [str(name) for name in names]


def _leading(level: str) -> float:
    number = _number(level.split(" ")[0])
    return float("inf") if number is None else number


def _thirds(numbers: Values) -> list[str]:
    low, high = np.quantile(numbers, [1 / 3, 2 / 3], method="lower")
    parts = [numbers <= low, (numbers > low) & (numbers <= high), numbers > high]
    result = np.empty(numbers.size, dtype=object)
    for part in parts:
        if part.any():
            result[part] = f"{numbers[part].min():g} to {numbers[part].max():g}"
    return [str(level) for level in result]


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


if __name__ == "__main__":
    run_command(main)
