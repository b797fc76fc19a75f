"""Every per-image metric by group, and what each group gains over a baseline.

Each group has the mean of a metric with its 95 % interval, and the mean gain over a baseline on the
same images, which takes out how hard the images of a group are. The groups of an attribute are
compared by a Kruskal-Wallis test, Holm-corrected over the attributes. Set-level metrics are left
out: a Frechet distance depends on the size of its set, so those of groups of different size cannot
be compared.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.comparison.attributes import Attributes, Names, grouped, in_order
from bench.metrics.protocol import Metric, Values, load_metric, metric_names
from bench.records.record import is_record, read_images, read_record
from bench.statistics.intervals import Interval, bootstrap_mean, holm
from sr3.base.errors import InputError

Mask = NDArray[np.bool_]
Summary = Callable[[Mask], Interval]

BASELINE = "bicubic"  # has learned nothing, so its difficulty is the images'


@dataclass(frozen=True)
class Group:
    """One level of an attribute: mean of a metric, or of a gain, with its interval."""

    level: str
    value: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Breakdown:
    """One attribute of one metric of one system; `p_holm` is over the attributes.

    `over` is empty for the metric itself, else the baseline that the groups' gains are over: paired
    differences, more being better whatever the metric's direction.
    """

    system: str
    metric: str
    attribute: str
    groups: tuple[Group, ...]
    p_value: float
    p_holm: float
    over: str = ""


@dataclass(frozen=True)
class SystemValues:
    """Per-image values of one system by metric, in the order of `images`."""

    name: str
    images: Sequence[str]
    values: Mapping[str, Values]


def break_down(
    system: SystemValues, attributes: Attributes, metrics: Mapping[str, Metric]
) -> list[Breakdown]:
    """Every metric of one system by every attribute that has at least two groups.

    Raises:
        InputError: an image without attributes.
    """
    members = grouped(attributes, system.images)
    result = []
    for name, column in system.values.items():
        found = _by_attribute(members, column, partial(_mean, metrics[name], column))
        result += [Breakdown(system.name, name, *row) for row in found]
    return result


def gains(
    system: SystemValues,
    baseline: SystemValues,
    attributes: Attributes,
    metrics: Mapping[str, Metric],
) -> list[Breakdown]:
    """Gain of one system over the baseline on the same images, by every attribute.

    Metrics without a better end are left out, and those whose value is no mean over images.

    Raises:
        InputError: an image without attributes, or other images than the baseline's.
    """
    if list(system.images) != list(baseline.images):
        raise InputError(f"found other images of {system.name} than of {baseline.name}")
    members = grouped(attributes, system.images)
    result = []
    for name, column in system.values.items():
        if name not in baseline.values or not has_gain(metrics[name]):
            continue
        better, worse = column, baseline.values[name]
        if metrics[name].direction == "lower":
            better, worse = worse, better
        gain = partial(_mean_gain, metrics[name], better, worse)
        found = _by_attribute(members, _difference(better, worse), gain)
        result += [Breakdown(system.name, name, *row, over=baseline.name) for row in found]
    return result


def has_gain(metric: Metric) -> bool:
    """Whether a difference of this metric's per-image values is one of the metric."""
    a_mean = metric.per_feature is not None or metric.interval is bootstrap_mean
    return metric.direction != "none" and a_mean


def break_down_run(
    folder: Path, attributes: Attributes, baseline: str | None = None
) -> list[Breakdown]:
    """Break all records of a suite's folder down: every metric, then the gains over the baseline.

    Args:
        baseline: what gains are over; None takes bicubic where the run has it.

    Raises:
        InputError: no finished records, or none of the baseline that was asked for.
    """
    systems = {values.name: values for values in _read_systems(folder)}
    if not systems:
        raise InputError(f"found no finished records in {folder}: run `python -m bench.run` first")
    if baseline is not None and baseline not in systems:
        raise InputError(f"found no record of {baseline} in {folder}, wanted {', '.join(systems)}")
    metrics = {name: load_metric(name) for found in systems.values() for name in found.values}
    result = [b for found in systems.values() for b in break_down(found, attributes, metrics)]
    if base := systems.get(baseline or BASELINE):
        rivals = [found for found in systems.values() if found is not base]
        result += [b for found in rivals for b in gains(found, base, attributes, metrics)]
    return result


def _read_systems(folder: Path) -> list[SystemValues]:
    known = set(metric_names())
    found = []
    for file in sorted(folder.glob("*.json")):
        if not is_record(file) or (record := read_record(file)).status != "ok":
            continue
        if record.role == "reference":
            continue
        images, values = read_images(folder, record.system)
        shown = {k: v for k, v in values.items() if k in known and not load_metric(k).ledger}
        found.append(SystemValues(record.system, images, shown))
    return found


def _by_attribute(
    members: Mapping[str, Names], column: Values, summarise: Summary
) -> list[tuple[str, tuple[Group, ...], float, float]]:
    """Attribute, groups, p and corrected p; images whose `column` is not finite are left out."""
    finite = np.isfinite(column)
    tests = [_compare(column[finite], member[finite]) for member in members.values()]
    rows = []
    for (name, member), p, corrected in zip(members.items(), tests, holm(tests), strict=True):
        masks = {level: finite & (member == level) for level in in_order(member)}
        groups = tuple(_group(level, mask, summarise) for level, mask in masks.items())
        rows.append((name, groups, p, corrected))
    return rows


def _group(level: str, mask: Mask, summarise: Summary) -> Group:
    if not mask.any():
        return Group(level, float("nan"), None, None, 0)
    interval = summarise(mask)
    return Group(level, interval.value, interval.low, interval.high, interval.n)


def _mean(metric: Metric, values: Values, mask: Mask) -> Interval:
    return metric.interval(values[mask])


def _mean_gain(metric: Metric, better: Values, worse: Values, mask: Mask) -> Interval:
    return metric.pair(better[mask], worse[mask]).difference


def _difference(better: Values, worse: Values) -> Values:
    with np.errstate(invalid="ignore"):  # inf of identical images
        return np.asarray(better - worse)


def _compare(values: Values, found: Names) -> float:
    """Kruskal-Wallis p-value; 1 where all values are equal."""
    samples = [values[found == level] for level in np.unique(found)]
    if len(samples) < 2 or np.ptp(values) == 0:
        return 1.0
    return float(stats.kruskal(*samples).pvalue)
