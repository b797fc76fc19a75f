"""From files to batches: HR of an image is decoded once, however many systems stand beside it."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.images.hr import Item, read_hr, read_output
from bench.images.lowres import Bring, LowRes
from bench.images.outputs import Output
from bench.images.pixels import to_batch
from bench.metrics.protocol import ImageBatch
from bench.suites.protocol import Suite

THREADS = 4  # Pillow decodes outside the interpreter's lock
JUDGED_PIXELS = 1 << 20  # of HR per batch that is judged; bounds the float64 maps in memory
JUDGED_MOST = 16

Picture = NDArray[np.uint8]


def judged_batch(size: tuple[int, int] | None) -> int:
    """Images judged at once; independent of the user's batch size and of the results.

    Pictures of several sizes (None) are judged one by one.
    """
    if size is None:
        return 1
    return max(1, min(JUDGED_MOST, JUDGED_PIXELS // (size[0] * size[1])))


@dataclass(frozen=True)
class Share:
    """What one system lacks of a piece; `load` waits for the decoder and makes the batch.

    Attributes:
        system: its number; positions: of its images among all of the set.
    """

    system: int
    positions: list[int]
    load: Callable[[], ImageBatch]


@dataclass(frozen=True)
class Decoder:
    """How images become batches: `batch_size` images of each system at once."""

    suite: Suite
    device: str
    batch_size: int
    lr: LowRes = field(default_factory=LowRes)

    def read(self, item: Item, path: Path) -> Picture:
        """(H, W, 3) uint8 of HR itself or of an output; InputError where the size is another."""
        return read_hr(item) if path == item.path else read_output(path, item)

    def pieces(
        self, systems: Sequence[Sequence[Output]], lacking: Sequence[Sequence[int]]
    ) -> Iterator[list[Share]]:
        """Pieces of the set in order; the next one is decoded while this one is judged.

        Args:
            systems: outputs per system, each in the order of the images.
            lacking: positions that each system needs.
        """
        wanted = sorted(set[int]().union(*lacking))
        starts = range(0, len(wanted), self.batch_size)
        chosen = [wanted[start : start + self.batch_size] for start in starts]
        sets = [set(positions) for positions in lacking]
        with ThreadPoolExecutor(THREADS) as pool:
            coming = self._submit(pool, systems, sets, chosen[0]) if chosen else []
            for number in range(len(chosen)):
                piece = coming
                if number + 1 < len(chosen):
                    coming = self._submit(pool, systems, sets, chosen[number + 1])
                yield piece

    def _submit(
        self,
        pool: ThreadPoolExecutor,
        systems: Sequence[Sequence[Output]],
        lacking: Sequence[set[int]],
        positions: Sequence[int],
    ) -> list[Share]:
        """Start to decode a piece."""
        files: dict[Path, Future[Picture]] = {}
        truths: dict[tuple[int, ...], _Truth] = {}

        def read(item: Item, path: Path) -> Future[Picture]:
            if path not in files:
                files[path] = pool.submit(self.read, item, path)
            return files[path]

        piece = []
        for number, outputs in enumerate(systems):
            rows = [i for i in positions if i in lacking[number]]
            if rows:
                chosen = [outputs[i] for i in rows]
                hr = [read(output.item, output.item.path) for output in chosen]
                items = [output.item for output in chosen]
                truth = truths.setdefault(tuple(rows), _Truth(self, items, hr))
                sr = [read(output.item, output.path) for output in chosen]
                piece.append(Share(number, rows, partial(truth.beside, chosen, sr)))
        return piece


class _Truth:
    """HR of some positions; its batch is made when the first system needs it."""

    def __init__(
        self, decoder: Decoder, items: Sequence[Item], pictures: Sequence[Future[Picture]]
    ) -> None:
        self._decoder, self._items, self._pictures = decoder, items, pictures
        self._of_hr: dict[str, Any] = {}

    @cached_property
    def hr(self) -> Tensor:
        return self._batch(self._pictures)

    @cached_property
    def lr(self) -> Tensor:
        if self._decoder.suite.unpaired:
            return self.hr  # there is none, and nothing asks for it
        files = [item.lr for item in self._items]
        return self._decoder.lr.batch(files, self.hr, self._decoder.suite.scale)

    @cached_property
    def down(self) -> Bring | None:
        return self._decoder.lr.down_for(self.hr)

    def beside(self, outputs: Sequence[Output], pictures: Sequence[Future[Picture]]) -> ImageBatch:
        """A system's pictures with HR and LR of the same images."""
        return ImageBatch(
            names=tuple(output.item.stem for output in outputs),
            sr=self._batch(pictures),
            hr=self.hr,
            lr=self.lr,
            scale=self._decoder.suite.scale,
            labels=tuple(output.item.label for output in outputs),
            of_hr=self._of_hr,
            down=self.down,
        )

    def _batch(self, pictures: Sequence[Future[Picture]]) -> Tensor:
        return to_batch([future.result() for future in pictures], self._decoder.device)
