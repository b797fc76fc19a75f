"""Per-image values: each image is decoded once, and every metric that lacks a value gets it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench.dataset import read_checked
from bench.files import sha256_of_json
from bench.metric import ImageBatch, Metric, Values
from bench.outputs import Output
from bench.pixels import LR_ID, make_lr, to_batch
from bench.store import Store, ValueKey
from bench.suite import Suite

DECODERS = 4  # threads; Pillow decodes outside the interpreter's lock

Picture = NDArray[np.uint8]


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

    suite: Suite
    metrics: Mapping[str, Metric]
    store: Store
    device: str
    batch_size: int
    observers: Sequence[Observer] = ()


def measure(
    judge: Judge, outputs: Sequence[Output], progress: Callable[[int], None]
) -> dict[str, Values]:
    """(N,) values per pixel metric, in the order of `outputs`; known values are not made again."""
    pixel_metrics = {n: m for n, m in judge.metrics.items() if m.per_image is not None}
    found = {
        name: [judge.store.value(_key(name, metric, output)) for output in outputs]
        for name, metric in pixel_metrics.items()
    }
    unseen = set[int]().union(*(observer.missing(outputs) for observer in judge.observers))
    todo = [
        index
        for index in range(len(outputs))
        if index in unseen or any(values[index] is None for values in found.values())
    ]
    progress(len(outputs) - len(todo))
    for indices, batch in decode(judge, outputs, todo):
        for name, metric in pixel_metrics.items():
            values = _judge_batch(judge, name, metric, batch, [outputs[i] for i in indices])
            for index, value in zip(indices, values, strict=True):
                found[name][index] = value
        for observer in judge.observers:
            observer.see(batch, [outputs[i] for i in indices])
        progress(len(indices))
    return {name: np.array(values, dtype=np.float64) for name, values in found.items()}


def decode(
    judge: Judge, outputs: Sequence[Output], indices: Sequence[int]
) -> Iterator[tuple[Sequence[int], ImageBatch]]:
    """Batches of decoded images; the next batch is decoded while this one is judged."""
    pieces = [
        indices[start : start + judge.batch_size]
        for start in range(0, len(indices), judge.batch_size)
    ]
    with ThreadPoolExecutor(DECODERS) as pool:

        def submit(piece: Sequence[int]) -> list[Future[tuple[Picture, Picture]]]:
            return [pool.submit(_read_pair, outputs[i], judge.suite) for i in piece]

        pending = submit(pieces[0]) if pieces else []
        for number, piece in enumerate(pieces):
            pairs = [future.result() for future in pending]
            pending = submit(pieces[number + 1]) if number + 1 < len(pieces) else []
            yield piece, make_batch(judge, [outputs[i] for i in piece], pairs)


def make_batch(
    judge: Judge, outputs: Sequence[Output], pairs: Sequence[tuple[Picture, Picture]]
) -> ImageBatch:
    """(sr, hr) pictures with the LR of each HR."""
    hr = to_batch([pair[1] for pair in pairs], judge.device)
    return ImageBatch(
        names=tuple(output.item.stem for output in outputs),
        sr=to_batch([pair[0] for pair in pairs], judge.device),
        hr=hr,
        lr=make_lr(hr, judge.suite.scale),
        scale=judge.suite.scale,
        labels=tuple(output.item.label for output in outputs),
    )


def _judge_batch(
    judge: Judge, name: str, metric: Metric, batch: ImageBatch, outputs: Sequence[Output]
) -> list[float]:
    assert metric.per_image is not None
    values = [float(value) for value in metric.per_image(batch)]
    keys = [_key(name, metric, output) for output in outputs]
    judge.store.add_values(zip(keys, values, strict=True))
    return values


def _key(name: str, metric: Metric, output: Output) -> ValueKey:
    return ValueKey(f"{name} {metric.fingerprint}", output.sha256, output.item.sha256, LR_ID)


def _read_pair(output: Output, suite: Suite) -> tuple[Picture, Picture]:
    hr = read_checked(output.item.path, suite.size, "the suite")
    if output.path == output.item.path:
        return hr, hr
    return read_checked(output.path, suite.size, "the suite"), hr


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
    found = [judge.store.value(key) for key in keys]
    for index, drawn in enumerate(zip(*samples, strict=True)):
        if found[index] is None:
            found[index] = _judge_samples(judge, metric, keys[index], drawn)
        progress(1)
    return np.array(found, dtype=np.float64)


def _judge_samples(judge: Judge, metric: Metric, key: ValueKey, drawn: Sequence[Output]) -> float:
    assert metric.per_samples is not None
    pictures = [read_checked(o.path, judge.suite.size, "the suite") for o in drawn]
    value = float(metric.per_samples(to_batch(pictures, judge.device)[:, None])[0])
    judge.store.add_values([(key, value)])
    return value


def _samples_key(name: str, metric: Metric, drawn: Sequence[Output]) -> ValueKey:
    together = sha256_of_json([output.sha256 for output in drawn])
    return ValueKey(f"{name} {metric.fingerprint}", together, drawn[0].item.sha256, LR_ID)
