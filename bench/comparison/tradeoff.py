"""Error against naturalness: one model at several settings as a curve, other systems as points.

No system has both the least error and the most natural pictures (Blau and Michaeli 2018, "The
perception-distortion tradeoff"), so a model's settings trace a line between the two.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from bench.metrics.protocol import Metric
from bench.records.record import REFERENCE, Record, Score
from bench.statistics.intervals import Interval

NUMBERS = ("temperature", "spread", "steps")
CHOICES = ("sampler", "schedule", "start", "consistent")
FIDELITY = ("psnr", "psnr_y", "ssim", "ssim_y", "lpips", "lpips_vgg")
NATURALNESS = ("fid", "fd_")  # how the names of Frechet distances begin


@dataclass(frozen=True)
class Axis:
    """A metric as an axis."""

    title: str
    unit: str
    direction: Literal["higher", "lower", "none"]


@dataclass(frozen=True)
class Place:
    """A system in the plane; `label` is what stands beside it. Numbers are in display units."""

    label: str
    system: str
    fidelity: Interval
    naturalness: Interval


@dataclass(frozen=True)
class Curve:
    """Settings of one model in order; `shown` names what the labels of its places say."""

    model: str
    told: str
    shown: tuple[str, ...]
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Tradeoff:
    """All that the picture shows, and what it was measured on."""

    suite: str
    dataset: str
    n: int
    fidelity: Axis
    naturalness: Axis
    curves: tuple[Curve, ...]
    points: tuple[Place, ...]

    @property
    def places(self) -> tuple[Place, ...]:
        """All of them, curve by curve, then the points."""
        return (*(place for curve in self.curves for place in curve.places), *self.points)

    @property
    def caption(self) -> str:
        """What a reader must know to read the picture."""
        numbers = (n for place in self.places for n in (place.fidelity, place.naturalness))
        bars = any(number.low is not None for number in numbers)
        return f"{self.suite} on {self.dataset}, N = {self.n}" + "; 95 % intervals" * bars


@dataclass(frozen=True)
class Sampled:
    """A record's place beside how it was sampled."""

    place: Place
    model: str
    how: Mapping[str, Any]

    @property
    def order(self) -> tuple[float, ...]:
        """Where it stands along a curve: fewer steps first, then from a sample to the mean."""
        temperature, spread, steps = (self.how[key] for key in NUMBERS)
        return (steps or 0, *(-(1.0 if v is None else v) for v in (spread, temperature)))


def tradeoff_of(records: Sequence[Record], metrics: Mapping[str, Metric]) -> Tradeoff | None:
    """The first fidelity metric against the first Frechet distance of a run.

    None where a metric is missing or no model has numbers at two settings.
    """
    fidelity = next((name for name in FIDELITY if name in metrics), None)
    natural = next((name for name in metrics if name.startswith(NATURALNESS)), None)
    if fidelity is None or natural is None or records[0].is_unpaired:
        return None
    axes = {name: metrics[name] for name in (fidelity, natural)}
    models: dict[str, list[Sampled]] = {}
    for record in records:
        if record.checkpoint_sha256 is not None and (place := place_of(record, axes)):
            models.setdefault(record.checkpoint_sha256, []).append(_sampled(record, place))
    groups = [group for group in models.values() if len({_key(s) for s in group}) > 1]
    if not groups:
        return None
    joined = {s.place.system for group in groups for s in group}
    points = [p for r in records if r.system not in joined and (p := place_of(r, axes))]
    return Tradeoff(
        records[0].suite, records[0].dataset["name"], records[0].n,
        axis_of(axes[fidelity]), axis_of(axes[natural]),
        tuple(curve for group in groups for curve in curves_of(group)), tuple(points),
    )  # fmt: skip


def axis_of(metric: Metric) -> Axis:
    """How a metric labels its axis."""
    return Axis(metric.title, metric.unit, metric.direction)


def place_of(record: Record, metrics: Mapping[str, Metric]) -> Place | None:
    """A system under its name by two metrics; None for the ground truth or without numbers."""
    numbers = [_number(record.metrics.get(name), metric) for name, metric in metrics.items()]
    if record.status != "ok" or record.system == REFERENCE or None in numbers:
        return None
    return Place(record.system, record.system, *(n for n in numbers if n is not None))


def curves_of(group: Sequence[Sampled]) -> list[Curve]:
    """A model's settings, in as few curves as leave one order along each.

    Samplers and schedules have no order, so each has a curve. If steps and softening (spread,
    temperature) both vary, a curve keeps one of the two, whichever makes fewer curves.
    """
    varying = [key for key in (*CHOICES, *NUMBERS) if len({s.how[key] for s in group}) > 1]
    found = []
    for kind in _apart(group, lambda s: tuple(s.how[key] for key in CHOICES)):
        for line in _lines(kind):
            steps = {s.how["steps"] for s in line}
            kept = [key for key in CHOICES if key in varying or key == "sampler"]
            kept += ["steps"] if len(steps) == 1 else []
            shown = tuple(key for key in NUMBERS if key in varying and key not in kept)
            places = [_labelled(s, shown) for s in sorted(line, key=lambda s: s.order)]
            told = ", ".join(_told(key, line[0].how[key]) for key in kept)
            found.append(Curve(line[0].model, told, shown, tuple(places)))
    return found


def _labelled(sampled: Sampled, shown: Sequence[str]) -> Place:
    """The place with its settings for a label; its name where none varies along the curve."""
    values = [sampled.how[key] for key in shown]
    label = " / ".join("-" if v is None else f"{v:g}" for v in values)
    return replace(sampled.place, label=label or sampled.place.system)


def _lines(kind: Sequence[Sampled]) -> list[list[Sampled]]:
    ways = [
        _apart(kind, lambda s: s.how["steps"]),
        _apart(kind, lambda s: s.order[1:]),
    ]
    fewest = min(ways, key=len)
    return [list(kind)] if len(fewest) == len(kind) else fewest


def _apart(group: Sequence[Sampled], key: Callable[[Sampled], Hashable]) -> list[list[Sampled]]:
    parts: dict[Hashable, list[Sampled]] = {}
    for sampled in group:
        parts.setdefault(key(sampled), []).append(sampled)
    return list(parts.values())


def _told(key: str, value: Any) -> str:
    if key == "consistent":
        return "projected" if value else "not projected"
    if key == "schedule":
        return f"schedule {value or 'of the model'}"
    if key == "start":
        return f"from {'noise' if value in (None, 'none', 'noise') else value}"
    return f"{value} steps" if key == "steps" else str(value)


def _key(sampled: Sampled) -> Hashable:
    return tuple(sampled.how[key] for key in (*CHOICES, *NUMBERS))


def _sampled(record: Record, place: Place) -> Sampled:
    weights = str(record.provenance.get("checkpoint", record.system))
    how = {key: record.provenance.get(key) for key in (*CHOICES, *NUMBERS)}
    how |= {"sampler": record.sampler, "steps": record.steps}
    return Sampled(place, weights.removesuffix(".safetensors"), how)


def _number(score: Score | None, metric: Metric) -> Interval | None:
    if score is None or score.value is None:
        return None
    bounds = [None if b is None else b * metric.shown_times for b in (score.low, score.high)]
    return Interval(score.value * metric.shown_times, bounds[0], bounds[1], score.n)
