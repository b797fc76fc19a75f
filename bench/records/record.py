"""A record: everything measured of one system on one suite, and everything it depended on.

`<out>/<suite>/<system>.json` holds it, `<system>.images.csv` beside it the per-image values.
"""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bench.images.outputs import Output
from bench.metrics.protocol import Metric, Values
from bench.statistics.intervals import Interval
from sr3.base.errors import InputError
from sr3.base.files import read_json, write_csv, write_json

RECORD_VERSION = 1
REFERENCE = "hr"  # the row of the ground truth
IMAGE_COLUMNS = ("image", "hr_sha256", "sr_sha256")
Role = Literal["system", "reference", "imported"]


@dataclass(frozen=True)
class Score:
    """One metric of one system.

    Attributes:
        value, low, high: unrounded, in `unit`; None where there is none, see `status`.
        n: images that went into it; `infinite` more were left out of the mean.
        status: "ok", or why there is no value or how it must be read.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    unit: str
    version: int
    status: str = "ok"
    infinite: int = 0


@dataclass(frozen=True)
class Record:
    """One stored result; see the module."""

    suite: str
    suite_version: int
    system: str
    role: Role
    source: str
    dataset: Mapping[str, Any]
    scale: int
    size: Sequence[int]
    downsampler: str
    seed: int
    batch_size: int
    checkpoint_sha256: str | None
    sampler: str | None
    steps: int | None
    provenance: Mapping[str, Any]
    outputs_sha256: str | None
    libraries: Mapping[str, str]
    hardware: Mapping[str, Any]
    git: Mapping[str, Any] | None
    created: str
    metrics: Mapping[str, Score]
    status: str = "ok"
    version: int = RECORD_VERSION
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Number of images; of an unpaired record, its generated pictures."""
        return int(self.extra.get("unpaired", self.dataset["n"]))

    @property
    def is_unpaired(self) -> bool:
        """Whether the pictures were judged beside real ones that are no pairs of theirs."""
        return "unpaired" in self.extra


def score(metric: Metric, values: Values) -> Score:
    """Mean and interval of per-image values; infinite ones are counted and left out.

    When every value is infinite (the PSNR of identical images) there is no mean; the status says
    so and tables print an infinity sign.
    """
    finite = values[np.isfinite(values)]
    infinite = int(np.isinf(values).sum())
    if finite.size == 0:
        status = "infinite" if infinite == values.size else "undefined"
        return Score(None, None, None, 0, metric.unit, metric.version, status, infinite)
    return score_of_interval(metric, metric.interval(finite), infinite)


def score_of_interval(metric: Metric, interval: Interval, infinite: int = 0) -> Score:
    """A score from an interval; an infinite value (of a pooled PSNR) becomes a status."""
    bounds = [
        None if b is None or not math.isfinite(b) else b for b in (interval.low, interval.high)
    ]
    if not math.isfinite(interval.value):
        return Score(
            None, None, None, interval.n, metric.unit, metric.version, "infinite", infinite
        )
    return Score(
        interval.value, bounds[0], bounds[1], interval.n, metric.unit, metric.version,
        infinite=infinite,
    )  # fmt: skip


def unavailable(metric: Metric, reason: str) -> Score:
    """A score that could not be had here; tables print a dash."""
    return Score(None, None, None, 0, metric.unit, metric.version, f"unavailable: {reason}")


def now() -> str:
    """The time of a record, UTC to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_record(folder: Path, record: Record) -> Path:
    """Write `<folder>/<system>.json` whole or not at all."""
    path = folder / f"{record.system}.json"
    write_json(path, asdict(record))
    return path


def read_record(path: Path) -> Record:
    """Read a record.

    Raises:
        InputError: a missing, damaged or foreign file, or one of a newer version.
    """
    content = read_json(path)
    try:
        if content["version"] > RECORD_VERSION:
            raise InputError(
                f"found record version {content['version']} in {path}, wanted at most "
                f"{RECORD_VERSION}: use the sr3bench that wrote it"
            )
        metrics = {name: Score(**value) for name, value in content.pop("metrics").items()}
        return Record(metrics=metrics, **content)
    except (KeyError, TypeError) as error:
        raise InputError(f"found no record in {path} ({error})") from error


def is_record(path: Path) -> bool:
    """Whether a JSON file beside records is one itself."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"suite", "system", "metrics"} <= content.keys()


def write_images(
    folder: Path, system: str, outputs: Sequence[Output], values: Mapping[str, Values]
) -> Path:
    """Write `<folder>/<system>.images.csv`: hashes and per-image values in full precision."""
    rows: list[dict[str, Any]] = [
        {"image": o.item.stem, "hr_sha256": o.item.sha256, "sr_sha256": o.sha256}
        | {name: repr(float(column[row])) for name, column in values.items()}
        for row, o in enumerate(outputs)
    ]
    path = folder / f"{system}.images.csv"
    write_csv(path, (*IMAGE_COLUMNS, *values), rows)
    return path


def read_images(folder: Path, system: str) -> tuple[list[str], dict[str, Values]]:
    """Stems and per-image values of a system, from what `write_images` wrote."""
    path = folder / f"{system}.images.csv"
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle))
        names = [name for name in rows[0] if name not in IMAGE_COLUMNS] if rows else []
        values = {name: np.array([float(row[name]) for row in rows]) for name in names}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"found no per-image values at {path} ({error})") from error
    return [row["image"] for row in rows], values
