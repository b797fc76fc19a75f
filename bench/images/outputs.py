"""A system's images on disk: made once, found again by the content they came from."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from baselines.protocol import System
from bench.base.run_cache import MadeOutput, OutputKey, RunCache
from bench.images.hr import Item, read_hr
from bench.images.lowres import LowRes
from bench.images.pixels import to_batch, to_model_range
from bench.suites.protocol import Suite
from sr3.base.files import disk_errors, sha256_of_file, sha256_of_json
from sr3.base.rng import generator_of
from sr3.pictures.images import to_uint8, write_png
from sr3.pictures.resize import resize

CLEAR_REFS = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Output:
    """One image of a system, whoever made it; the times are None for imported images."""

    item: Item
    path: Path
    sha256: str
    seconds: float | None = None
    peak_bytes: float | None = None


@dataclass(frozen=True)
class Job:
    """How outputs are made: everything but the images. `sample` numbers the K draws of an input."""

    system: System
    suite: Suite
    folder: Path
    seed: int
    batch_size: int
    device: str
    lr: LowRes = field(default_factory=LowRes)
    sample: int = 0

    @property
    def system_key(self) -> str:
        """Digest of the system with its options, weights and code version."""
        return sha256_of_json([self.system.name, self.system.scale, dict(self.system.provenance)])

    def key(self, item: Item) -> OutputKey:
        """Cache key of one output."""
        return OutputKey(self.system_key, item.sha256, item.lr_key, self.seed, self.sample)

    def path(self, item: Item) -> Path:
        """Where the PNG of one output lies."""
        return self.folder / f"{item.stem}.png"


def make_outputs(
    job: Job, items: Sequence[Item], cache: RunCache, progress: Callable[[int], None]
) -> tuple[Output, ...]:
    """All outputs of a system in the order of `items`, made where they do not exist yet."""
    found = {o.item.stem: o for item in items if (o := _find(job, item, cache)) is not None}
    progress(len(found))
    for batch in _batches([item for item in items if item.stem not in found], job.batch_size):
        found |= {output.item.stem: output for output in _make_batch(job, batch, cache)}
        progress(len(batch))
    return tuple(found[item.stem] for item in items)


def run_system(job: Job, lr: Tensor, items: Sequence[Item]) -> Tensor:
    """(B, C, h, w) uint8 LR or another input -> (B, 3, H, W) float32 in [-1, 1].

    The noise of an image depends on the seed, the image's content and the sample number alone.
    Where the suite says so (paper, Table 4), a model sees LR resized to the side it was trained at
    and its output is resized to the suite's size.
    """
    generators = [
        generator_of(job.seed, item.sha256, "output", job.sample) for item in items
    ]  # fmt: skip
    native = job.suite.model_lr.get(job.system.name)
    condition = to_model_range(lr.to(job.device))
    if native is None:
        return job.system.upscale(condition, generators)
    sr = job.system.upscale(resize(condition, (native, native)), generators)
    return resize(sr.float(), items[0].size)


def _find(job: Job, item: Item, cache: RunCache) -> Output | None:
    made, path = cache.made(job.key(item)), job.path(item)
    if made is None or not path.is_file() or sha256_of_file(path) != made.sha256:
        return None
    return Output(item, path, made.sha256, made.seconds, made.peak_bytes)


def _make_batch(job: Job, items: Sequence[Item], cache: RunCache) -> list[Output]:
    hr, size = to_batch([read_hr(item) for item in items]), items[0].size
    lr = job.lr.input([item.lr for item in items], hr, job.suite.scale)
    with PeakMemory(job.device) as memory:
        started = time.perf_counter()
        sr = run_system(job, lr, items).cpu()
        seconds = (time.perf_counter() - started) / len(items)
    pictures = to_uint8(sr)
    if pictures.shape[1:3] != size:
        raise ValueError(f"{job.system.name} made {pictures.shape[1:3]}, wanted {size}")
    made = [
        _write(job, item, p, seconds, memory.peak) for item, p in zip(items, pictures, strict=True)
    ]
    cache.add_outputs(
        (job.key(o.item), MadeOutput(o.sha256, seconds, memory.peak)) for o in made
    )  # fmt: skip
    return made


def _write(job: Job, item: Item, pixels: np.ndarray, seconds: float, peak: float | None) -> Output:
    path = job.path(item)
    with disk_errors(path):
        write_png(path, pixels)
    return Output(item, path, sha256_of_file(path), seconds, peak)


def _batches(items: Sequence[Item], count: int) -> Iterator[Sequence[Item]]:
    """At most `count` items of one size together."""
    for size in dict.fromkeys(item.size for item in items):
        alike = [item for item in items if item.size == size]
        for start in range(0, len(alike), count):
            yield alike[start : start + count]


class PeakMemory:
    """Peak bytes within a `with` block: allocated on a GPU, resident of the process on Linux."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.peak: float | None = None
        self._reset = False

    def __enter__(self) -> "PeakMemory":
        if self.device.startswith("cuda"):
            torch.cuda.reset_peak_memory_stats()
        else:
            with suppress(OSError):  # no such file, or no right to it: then there is no number
                CLEAR_REFS.write_text("5")  # resets VmHWM (proc(5))
                self._reset = True
        return self

    def __exit__(self, *_: object) -> None:
        if self.device.startswith("cuda"):
            self.peak = float(torch.cuda.max_memory_allocated())
        elif self._reset:
            line = next(x for x in STATUS.read_text().splitlines() if x.startswith("VmHWM"))
            self.peak = float(line.split()[1]) * 1024


def digest_of_folder(outputs: Sequence[Output]) -> str:
    """One digest of a system's images by stem and content."""
    lines = "".join(f"{o.item.stem} {o.sha256}\n" for o in outputs)
    return hashlib.sha256(lines.encode()).hexdigest()
