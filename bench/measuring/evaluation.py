"""From a system's images to its scores: pixels, features and sets, in one pass over the images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from bench.base.run_cache import RunCache
from bench.extractors import protocol as extractors
from bench.extractors.protocol import load_extractor
from bench.images.lowres import LowRes
from bench.images.outputs import Output
from bench.measuring.decoding import Decoder, judged_batch
from bench.measuring.feature_store import FeatureStore
from bench.measuring.per_image import Judge, measure, measure_samples, measure_together
from bench.measuring.reference_statistics import path_of, read_reference
from bench.measuring.reference_statistics import unavailable as lacking_reference
from bench.measuring.two_sets import lacking, seed_of
from bench.metrics.kinds.sets import LAYER
from bench.metrics.protocol import Features, ImageBatch, Metric, SetValue, TwoSets, Values
from bench.pretrained import weights
from bench.records.record import Score, score, score_of_interval, unavailable
from bench.statistics.frechet import Gaussian, fit
from bench.suites.protocol import NamedSuite

DRAWS = 1000  # resamplings of set-level metrics

Progress = Callable[[int], None]
Samples = Callable[[], Sequence[Sequence[Output]]]


@dataclass(frozen=True)
class FeatureObserver:
    """Hands decoded images to the store of one extractor."""

    store: FeatureStore

    def missing(self, outputs: Sequence[Output]) -> set[int]:
        """Positions of images without features."""
        return set(self.store.missing([output.sha256 for output in outputs]))

    def see(self, batch: ImageBatch, outputs: Sequence[Output]) -> None:
        """Extract what is missing of a batch."""
        self.store.add([output.sha256 for output in outputs], batch.sr)


@dataclass(frozen=True)
class Evaluation:
    """Scores of one system with what they came from; `weights` are SHA-256 by metric and file."""

    scores: Mapping[str, Score]
    per_image: Mapping[str, Values]
    sets: Mapping[str, SetValue]
    weights: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass
class Evaluator:
    """The metrics of a run, split into those that can be computed here and those that cannot."""

    named: NamedSuite
    metrics: Mapping[str, Metric]
    cache: RunCache
    folder: Path
    device: str
    seed: int
    labels: Sequence[int | None]
    lr: LowRes = field(default_factory=LowRes)
    reasons: dict[str, str] = field(default_factory=dict)
    _features: dict[str, FeatureStore] = field(default_factory=dict)
    _references: dict[str, Gaussian] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, metric in self.metrics.items():
            reason = self._reason(metric)
            if reason is not None:
                self.reasons[name] = reason

    @cached_property
    def weights(self) -> dict[str, dict[str, str]]:
        """SHA-256 of the weights behind each metric that has any."""
        found = {name: weights_of(metric) for name, metric in self.usable.items()}
        return {name: hashes for name, hashes in found.items() if hashes}

    @cached_property
    def usable(self) -> dict[str, Metric]:
        """Metrics that can be computed here."""
        return {name: m for name, m in self.metrics.items() if name not in self.reasons}

    @property
    def wants_samples(self) -> bool:
        """Whether a metric needs several samples of each input."""
        return any(metric.per_samples is not None for metric in self.usable.values())

    def see(self, systems: Sequence[Sequence[Output]], progress: Progress) -> None:
        """One pass over the images of all systems, after which `evaluate` decodes none.

        Args:
            systems: outputs per system, each in the order of the images.
        """
        measure_together(self._judge, systems, progress)

    def evaluate(
        self,
        outputs: Sequence[Output],
        hr: Sequence[str],
        samples: Samples | None = None,
    ) -> Evaluation:
        """All scores of a system.

        Args:
            outputs: its images; hr: SHA-256 of the HR image of each, already seen.
            samples: makes K samples of every input, the first being `outputs`; None for foreign
                images. An empty result means that the system has no noise.
        """
        if self.named.suite.unpaired:
            return self._of_unpaired(outputs, hr)
        per_image = measure(self._judge, outputs) | self._from_ledger(outputs)
        per_image |= self._from_samples(outputs, samples)
        pictures = [output.sha256 for output in outputs]
        sets: dict[str, SetValue] = {}
        for name, metric in self.usable.items():
            if metric.per_feature is not None:
                per_image[name] = metric.per_feature(
                    self._rows(metric, pictures), tuple(self.labels)
                )
            elif metric.per_set is not None:
                sr, own = self._rows(metric, pictures), self._rows(metric, hr)
                sets[name] = metric.per_set(sr, own, draws=DRAWS, seed=self.seed)
            elif metric.unpaired is not None:
                sr, own = self._rows(metric, pictures), self._rows(metric, hr)
                sets[name] = metric.unpaired(TwoSets(sr, own, DRAWS, self.seed, self.seed))
            elif metric.per_reference is not None:
                rows, reference = self._rows(metric, pictures), self._reference_of(metric)
                sets[name] = metric.per_reference(rows, reference, DRAWS, self.seed)
        return Evaluation(
            self._scores(per_image, sets), self._in_order(per_image), sets, self.weights
        )

    def _of_unpaired(self, outputs: Sequence[Output], real: Sequence[str]) -> Evaluation:
        """Scores of generated pictures beside real ones, or of these alone."""
        pictures = [output.sha256 for output in outputs]
        seed = seed_of(self.seed, [output.item.stem for output in outputs])
        seeds = (seed, seed_of(self.seed, real))
        sets: dict[str, SetValue] = {}
        reasons: dict[str, str] = {}
        shared: dict[str, dict[str, Any]] = {}  # by extractor
        for name, metric in self.usable.items():
            rows = self._rows(metric, pictures)
            if len(outputs) < metric.least_n:
                reasons[name] = f"needs at least {metric.least_n} pictures"
            elif pictures == list(real) and (metric.unpaired is None or not metric.reference_row):
                reasons[name] = "compares with these pictures"
            elif metric.unpaired is not None:
                own = self._rows(metric, real) if real else {}
                kept = shared.setdefault(_extractor_of(metric), {})
                sets[name] = metric.unpaired(TwoSets(rows, own, DRAWS, *seeds, kept))
            elif metric.per_reference is not None:
                reference = self._reference_of(metric, real)
                sets[name] = metric.per_reference(rows, reference, DRAWS, seed)
        return Evaluation(self._scores({}, sets, reasons), {}, sets, self.weights)

    def _scores(
        self,
        per_image: Mapping[str, Values],
        sets: Mapping[str, SetValue],
        further: Mapping[str, str] = MappingProxyType({}),
    ) -> dict[str, Score]:
        scores, reasons = {}, {**self.reasons, **further}
        for name, metric in self.metrics.items():
            if name in reasons:
                scores[name] = unavailable(metric, reasons[name])
            elif name in sets:
                scores[name] = score_of_interval(metric, sets[name].interval)
            elif name in per_image:
                scores[name] = score(metric, per_image[name])
            else:
                wanted = metric.ledger or "samples"
                scores[name] = unavailable(metric, f"no {wanted} of these images")
        return scores

    def _from_ledger(self, outputs: Sequence[Output]) -> dict[str, Values]:
        found = {}
        for name, metric in self.usable.items():
            if metric.ledger is None:
                continue
            noted = [getattr(output, metric.ledger) for output in outputs]
            if all(value is not None for value in noted):
                found[name] = np.array(noted, dtype=np.float64)
        return found

    def _from_samples(
        self, outputs: Sequence[Output], samples: Samples | None
    ) -> dict[str, Values]:
        names = [name for name, metric in self.usable.items() if metric.per_samples is not None]
        if not names or samples is None:
            return {}
        drawn = samples()
        if not drawn:
            return {name: np.zeros(len(outputs)) for name in names}
        together = [outputs, *drawn]
        return {name: measure_samples(self._judge, name, together, _silent) for name in names}

    @cached_property
    def _judge(self) -> Judge:
        observers = [FeatureObserver(self._store_of(name)) for name in self._extractors()]
        suite = self.named.suite
        decoder = Decoder(suite, self.device, judged_batch(suite.size), self.lr)
        return Judge(decoder, self.usable, self.cache, observers)

    def _in_order(self, per_image: Mapping[str, Values]) -> dict[str, Values]:
        return {name: per_image[name] for name in self.metrics if name in per_image}

    def _rows(self, metric: Metric, pictures: Sequence[str]) -> Features:
        return self._store_of(_extractor_of(metric)).rows(pictures)

    def _extractors(self) -> list[str]:
        return sorted({m.extractor for m in self.usable.values() if m.extractor is not None})

    def _store_of(self, name: str) -> FeatureStore:
        if name not in self._features:
            self._features[name] = FeatureStore(
                self.folder / "features", load_extractor(name, self.device)
            )
        return self._features[name]

    def _reference_of(self, metric: Metric, real: Sequence[str] = ()) -> Gaussian:
        """Of the real pictures of an unpaired run, or what `bench.reference` keeps."""
        name = _extractor_of(metric)
        if name not in self._references and real:
            self._references[name] = fit(self._rows(metric, real)[LAYER])
        if name not in self._references:
            self._references[name] = read_reference(path_of(self.named.name, name)).gaussian
        return self._references[name]

    def _reason(self, metric: Metric) -> str | None:
        unpaired = self.named.suite.unpaired
        if unpaired and (reason := lacking(metric, len(self.labels))) is not None:
            return reason
        if not unpaired and len(self.labels) < metric.least_n:
            return f"needs at least {metric.least_n} images"
        if not metric.faces and self.named.suite.faces:
            return "not meant for faces"
        if metric.against_lr and self.lr.problem is not None:
            return self.lr.problem
        if metric.classes and any(label is None for label in self.labels):
            return "no class labels: file names must begin with a WordNet id"
        if metric.extractor is not None:
            reason = extractors.unavailable(metric.extractor, self.device)
            stored = not (unpaired and self.labels)  # else the real pictures are the reference
            if reason is None and metric.per_reference is not None and stored:
                reason = lacking_reference(self.named.name, metric.extractor)
            if reason is not None:
                return reason
        return metric.unavailable(self.device)


def _extractor_of(metric: Metric) -> str:
    if metric.extractor is None:
        raise ValueError(f"metric {metric.title} reads features but names no extractor")
    return metric.extractor


def _silent(count: int) -> None:
    """Samples are decoded in no time beside their making, which has its own bar."""


def weights_of(metric: Metric) -> dict[str, str]:
    """SHA-256 of every file of weights that a metric reads, by file name; verified on the way."""
    names = metric.weights
    if metric.extractor is not None:
        names += extractors.find_extractor(metric.extractor).weights
    paths = [weights.require(name) for name in names]
    return {path.name: weights.sha256_of(path) for path in paths}
