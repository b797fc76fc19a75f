"""Per-image values: one pass over the images, and every metric that lacks a value gets it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bench.base.run_cache import RunCache, ValueKey
from bench.images.outputs import Output
from bench.images.pixels import to_batch
from bench.measuring.decoding import Decoder
from bench.metrics.protocol import ImageBatch, Metric, Values
from sr3.base.errors import InputError
from sr3.base.files import sha256_of_json


class Observer(Protocol):
    """Something else that wants to see the decoded images, such as a feature extractor."""

    def missing(self, outputs: Sequence[Output]) -> set[int]:
        """Positions of the images that have not been seen yet."""
        ...

    def see(self, batch: ImageBatch, outputs: Sequence[Output]) -> None:
        """Take what is needed from a batch; rows are those of `outputs`."""
        ...


@dataclass(frozen=True)
class Judge:
    """What measuring needs besides the images."""

    decoder: Decoder
    metrics: Mapping[str, Metric]
    cache: RunCache
    observers: Sequence[Observer] = ()


def measure(judge: Judge, outputs: Sequence[Output]) -> dict[str, Values]:
    """(N,) values per pixel metric, in the order of `outputs`; known values are not made again."""
    known = _known(judge, outputs)
    todo = _unknown(judge, outputs, known)
    for piece in judge.decoder.pieces([outputs], [todo]):
        for share in piece:
            _judge_rows(judge, [outputs[i] for i in share.positions], share.load())
    if todo:
        known = _known(judge, outputs)
    return {name: np.array(values, dtype=np.float64) for name, values in known.items()}


def measure_together(
    judge: Judge, systems: Sequence[Sequence[Output]], progress: Callable[[int], None]
) -> None:
    """One pass over the images for all systems, so that HR is decoded and looked at once.

    It leaves values and features where `measure` finds them. A system that fails drops out; what
    fails here fails again in `measure`, where it is told.

    Args:
        systems: outputs per system, each in the order of the images.

    Raises:
        InputError: an image cannot be read.
    """
    todo = [_unknown(judge, outputs, _known(judge, outputs)) for outputs in systems]
    failed = set[int]()
    progress(sum(map(len, systems)) - sum(map(len, todo)))
    for piece in judge.decoder.pieces(systems, todo):
        for share in piece:
            outputs = [systems[share.system][i] for i in share.positions]
            try:
                if share.system not in failed:
                    _judge_rows(judge, outputs, share.load())
            except InputError:
                raise
            except Exception:  # whatever a metric meets in a system's images
                failed.add(share.system)
            progress(len(outputs))


def _pixel_metrics(judge: Judge) -> dict[str, Metric]:
    return {name: m for name, m in judge.metrics.items() if m.per_image is not None}


def _known(judge: Judge, outputs: Sequence[Output]) -> dict[str, list[float | None]]:
    """Stored values per pixel metric, in the order of `outputs`."""
    return {
        name: [judge.cache.value(_key(name, metric, output)) for output in outputs]
        for name, metric in _pixel_metrics(judge).items()
    }


def _unknown(
    judge: Judge, outputs: Sequence[Output], known: Mapping[str, Sequence[float | None]]
) -> list[int]:
    """Positions of images that lack a value or have not been seen by an observer."""
    unseen = set[int]().union(*(observer.missing(outputs) for observer in judge.observers))
    return [
        index
        for index in range(len(outputs))
        if index in unseen or any(values[index] is None for values in known.values())
    ]


def _judge_rows(judge: Judge, outputs: Sequence[Output], batch: ImageBatch) -> None:
    for name, metric in _pixel_metrics(judge).items():
        assert metric.per_image is not None
        values = [float(value) for value in metric.per_image(batch)]
        keys = [_key(name, metric, output) for output in outputs]
        judge.cache.add_values(zip(keys, values, strict=True))
    for observer in judge.observers:
        observer.see(batch, outputs)


def _key(name: str, metric: Metric, output: Output) -> ValueKey:
    return ValueKey(
        f"{name} {metric.fingerprint}", output.sha256, output.item.sha256, output.item.lr_key
    )


def measure_samples(
    judge: Judge,
    name: str,
    samples: Sequence[Sequence[Output]],
    progress: Callable[[int], None],
) -> Values:
    """(N,) values of a `per_samples` metric.

    Args:
        samples: K tuples of outputs, each in the order of the images.
    """
    metric = judge.metrics[name]
    keys = [_samples_key(name, metric, drawn) for drawn in zip(*samples, strict=True)]
    found = [judge.cache.value(key) for key in keys]
    for index, drawn in enumerate(zip(*samples, strict=True)):
        if found[index] is None:
            found[index] = _judge_samples(judge, metric, keys[index], drawn)
        progress(1)
    return np.array(found, dtype=np.float64)


def _judge_samples(judge: Judge, metric: Metric, key: ValueKey, drawn: Sequence[Output]) -> float:
    assert metric.per_samples is not None
    pictures = [judge.decoder.read(output.item, output.path) for output in drawn]
    value = float(metric.per_samples(to_batch(pictures, judge.decoder.device)[:, None])[0])
    judge.cache.add_values([(key, value)])
    return value


def _samples_key(name: str, metric: Metric, drawn: Sequence[Output]) -> ValueKey:
    together = sha256_of_json([output.sha256 for output in drawn])
    return ValueKey(
        f"{name} {metric.fingerprint}", together, drawn[0].item.sha256, drawn[0].item.lr_key
    )
