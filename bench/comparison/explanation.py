"""Which convention would explain a published number: the metric of a run under each of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bench.comparison.conventions import conventions, explained_metrics
from bench.images.pixels import to_batch
from bench.metrics.protocol import ImageBatch
from bench.records.finished import FinishedRun
from bench.records.finished_pictures import low_of, read_lr, read_picture
from bench.records.published import load_table
from bench.records.record import REFERENCE
from sr3.base.errors import InputError

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


def explain(finished: FinishedRun, claim: Claim, limit: int | None = None) -> Explanation:
    """Compute one system's metric under every convention.

    Raises:
        InputError: the run lacks the metric's images or intervals.
    """
    ways = conventions(claim.metric)
    values: dict[str, list[Any]] = {way.name: [] for way in ways}
    for batch in _batches(finished, claim.system, limit):
        for way in ways:
            values[way.name].append(way.per_image(batch))
    times = finished.metrics[claim.metric].shown_times if claim.metric in finished.metrics else 1.0
    attempts = []
    for way in ways:
        per_image = np.concatenate(values[way.name])
        shown = way.pool(per_image[np.isfinite(per_image)]) * times
        attempts.append(Attempt(way.name, shown, shown - claim.value))
    return Explanation(claim, _slack(finished, claim, times), tuple(attempts))


def claims_of_paper(finished: FinishedRun, paper: str, match: Mapping[str, str]) -> Iterator[Claim]:
    """What a table of the paper says about the systems of a run.

    Args:
        match: row of the table by system, where the names differ.
    """
    if low_of(finished).degradation is not None:
        raise InputError(
            f"found a run of {finished.records[0].suite}, {paper} is about low resolution: give "
            "--value"
        )
    rows = {_plain(row.system): row for row in load_table(paper).rows}
    for record in finished.measured:
        row = rows.get(_plain(match.get(record.system, record.system)))
        for metric in explained_metrics():
            if row is None or metric not in row.values:
                continue
            times = finished.metrics[metric].shown_times if metric in finished.metrics else 1.0
            value = row.values[metric].value * times
            label = f"{row.system} in {paper}"
            yield Claim(record.system, metric, label, value, _step(value))


def claim_of_number(finished: FinishedRun, system: str, metric: str, number: str) -> Claim:
    """A published number as it is printed, such as "24.78"; its last digit says how exact it is.

    Raises:
        InputError: a system that the run lacks, or a metric with one convention only.
    """
    known = [record.system for record in finished.measured]
    if system not in known:
        raise InputError(f"found no system {system!r} in the run, wanted one of {', '.join(known)}")
    if metric not in explained_metrics():
        raise InputError(
            f"found no conventions of {metric!r}, wanted one of {', '.join(explained_metrics())}"
        )
    if metric == "consistency" and low_of(finished).degradation is not None:
        raise InputError(
            f"found consistency of a run of {finished.records[0].suite}, whose inputs no resize "
            "operator made: its conventions are those of low resolution, ask for psnr or ssim"
        )
    digits = len(number.partition(".")[2])
    return Claim(system, metric, "the given number", float(number), 10.0**-digits)


def _slack(finished: FinishedRun, claim: Claim, times: float) -> float:
    """Half of the run's interval plus half of the last printed digit."""
    record = next(r for r in finished.measured if r.system == claim.system)
    score = record.metrics.get(claim.metric)
    half = 0.0
    if score is not None and score.low is not None and score.high is not None:
        half = (score.high - score.low) / 2 * times
    return half + claim.step / 2


def _batches(finished: FinishedRun, system: str, limit: int | None) -> Iterator[ImageBatch]:
    scale = next(r.scale for r in finished.measured if r.system == system)
    stems = finished.images[:limit]
    size = BATCH if finished.records[0].size else 1  # several sizes go one by one
    for start in range(0, len(stems), size):
        chosen = stems[start : start + size]
        sr, hr = (
            [read_picture(finished, name, stem, "the run") for stem in chosen]
            for name in (system, REFERENCE)
        )
        lr = [read_lr(finished, stem, own) for stem, own in zip(chosen, hr, strict=True)]
        yield ImageBatch(chosen, to_batch(sr), to_batch(hr), torch.cat(lr), scale)


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def _step(value: float) -> float:
    """Unit of the last digit of a number as it is printed shortest."""
    text = f"{value:.10g}"
    return 10.0 ** -len(text.partition(".")[2]) if "." in text else 1.0
