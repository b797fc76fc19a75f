"""Training examples: HR pictures by position in an endless, reproducible order.

Position p of a run is picture `order(epoch)[p mod N]` with augmentation seeded by (seed, p); LR is
not made here but from the batch, in float, by the one resize operator (`sr3.data.degradation`).
"""

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from sr3.base.errors import InputError
from sr3.base.rng import seed_of
from sr3.data.sources import Pictures

WINDOW = 8  # groups of a source that are shuffled together
TRIES = 100  # unreadable pictures in a row before a run gives up


@dataclass(frozen=True)
class Augmentation:
    """Strengths; 0 is off.

    Attributes:
        flip: probability of a mirror image.
        shift: largest shift in pixels, whole pixels so that no detail is lost to resampling.
        colour: largest relative change of the gain of each channel and of the contrast.
        blur: probability of a Gaussian blur of the low-resolution input (the paper's Table 6).
        blur_sigma: its range of standard deviations, in pixels of the low-resolution input.
        noise: probability of Gaussian noise on the low-resolution input, after the blur.
        noise_std: its range of standard deviations, in units of [-1, 1].
        tell: feed both strengths to the network (conditioning augmentation, Ho et al. 2022).
    """

    flip: float = 0.5
    shift: int = 0
    colour: float = 0.0
    blur: float = 0.0
    blur_sigma: tuple[float, float] = (0.4, 0.6)
    noise: float = 0.0
    noise_std: tuple[float, float] = (0.0, 0.2)
    tell: bool = False

    @property
    def told_levels(self) -> int:
        """Strengths that the network is told: blur and noise, or none."""
        return 2 if self.tell else 0


class Batch(NamedTuple):
    """Pictures of a step, or of one process's part of it.

    Attributes:
        pixels: (B, 3, H, W) uint8.
        colour: (B, 5) float32, gains of the channels, contrast and level; 0 changes nothing.
        positions: of each picture.
        bad: (name, reason) of pictures that could not be read and were passed over.
        labels: (B,) int64 classes, -1 for none; None where there are no classes.
    """

    pixels: Tensor
    colour: Tensor
    positions: list[int]
    bad: list[tuple[str, str]]
    labels: Tensor | None = None


class Order:
    """Which picture stands at a position: every picture once an epoch, another order each time.

    Neighbours in a group of the source stay within a window of groups, so that a Parquet row group
    is read about once an epoch by each worker.
    """

    def __init__(self, source: Pictures, seed: int) -> None:
        self.count, self.groups, self.seed = len(source.keys), source.groups, seed
        self._epoch = -1
        self._order = np.empty(0, np.int64)

    def __getitem__(self, position: int) -> int:
        epoch, place = divmod(position, self.count)
        if epoch != self._epoch:
            rng = np.random.default_rng(seed_of(self.seed, "order", epoch))
            self._epoch, self._order = epoch, self._shuffle(rng)
        return int(self._order[place])

    def _shuffle(self, rng: np.random.Generator) -> np.ndarray:
        if not len(self.groups):
            return rng.permutation(self.count)
        parts = np.split(np.arange(self.count), np.cumsum(self.groups)[:-1])
        ranks = rng.permutation(len(parts))
        windows = [ranks[i : i + WINDOW] for i in range(0, len(ranks), WINDOW)]
        return np.concatenate(
            [rng.permutation(np.concatenate([parts[g] for g in w])) for w in windows]
        )


class TrainingPictures(Dataset[Batch]):
    """Cropped, mirrored and shifted HR pictures by position, each as a batch of one.

    Args:
        side: of the square that a batch holds.
        picture_side: of the square pictures in the source.
        labels: class of each picture of the source, or None.
    """

    def __init__(
        self,
        source: Pictures,
        side: int,
        picture_side: int,
        how: Augmentation,
        seed: int,
        labels: Sequence[int] | None = None,
    ) -> None:
        self.source, self.side, self.picture_side = source, side, picture_side
        self.how, self.seed, self.labels = how, seed, labels
        self.order = Order(source, seed)

    def __len__(self) -> int:
        return len(self.source.keys)

    def __getitem__(self, position: int) -> Batch:
        """The picture at `position`, or the next one that can be read: then `bad` names the rest.

        Raises:
            InputError: no readable picture among `TRIES`.
        """
        bad: list[tuple[str, str]] = []
        for place in range(position, position + TRIES):
            index = self.order[place]
            try:
                picture = read_square(self.source, index, self.picture_side)
            except InputError as error:
                bad.append((self.source.keys[index], str(error)))
                continue
            pixels, colour = augment(picture, self.side, self.how, self.seed, position)
            label = None if self.labels is None else torch.tensor([int(self.labels[index])])
            return Batch(pixels, colour, [position], bad, label)
        raise InputError(f"found {TRIES} unreadable pictures in a row, the last: {bad[-1][1]}")


def read_square(source: Pictures, index: int, side: int) -> np.ndarray:
    """One picture (side, side, 3) uint8; InputError on another size or an unreadable file."""
    picture = source.read(index)
    if picture.shape != (side, side, 3):
        raise InputError(
            f"found {picture.shape[1]}x{picture.shape[0]} in {source.name}/{source.keys[index]}, "
            f"wanted {side}x{side}: prepare the pictures with `python -m sr3.shard`"
        )
    return picture


class Preloaded:
    """A source whose pictures were all read once and stay in memory."""

    groups: Sequence[int] = ()

    def __init__(self, source: Pictures, side: int) -> None:
        self.name, self.keys = source.name, source.keys
        self.pictures: list[np.ndarray | None] = []
        self.bad: dict[int, str] = {}
        for index in range(len(source.keys)):
            try:
                self.pictures.append(read_square(source, index, side))
            except InputError as error:
                self.pictures.append(None)
                self.bad[index] = str(error)

    def read(self, index: int) -> np.ndarray:
        picture = self.pictures[index]
        if picture is None:
            raise InputError(self.bad[index])
        return picture


def augment(
    picture: np.ndarray, side: int, how: Augmentation, seed: int, position: int
) -> tuple[Tensor, Tensor]:
    """A crop (1, 3, side, side) uint8, mirrored and shifted, and its change of colour (1, 5)."""
    rng = np.random.default_rng(seed_of(seed, "augment", position))
    picture = crop(picture, side, rng)
    if rng.random() < how.flip:
        picture = picture[:, ::-1]
    if how.shift:
        dy, dx = rng.integers(0, 2 * how.shift + 1, 2)
        margin = (how.shift, how.shift)
        padded = np.pad(picture, (margin, margin, (0, 0)), mode="reflect")
        picture = padded[dy : dy + side, dx : dx + side]
    colour = rng.uniform(-how.colour, how.colour, 5) if how.colour else np.zeros(5)
    pixels = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
    return pixels[None], torch.from_numpy(colour).float()[None]


def crop(picture: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """A square from anywhere in a picture (H, W, 3); the picture itself if it is one."""
    if picture.shape[:2] == (side, side):
        return picture
    top = int(rng.integers(0, picture.shape[0] - side + 1))
    left = int(rng.integers(0, picture.shape[1] - side + 1))
    return picture[top : top + side, left : left + side]


class Positions(Sampler[list[int]]):
    """Batches of positions for the steps first..last - 1 of one process of a run."""

    def __init__(self, first: int, last: int, batch: int, rank: int = 0, world: int = 1) -> None:
        self.first, self.last, self.batch, self.rank, self.world = first, last, batch, rank, world

    def __len__(self) -> int:
        return self.last - self.first

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.first, self.last):
            start = step * self.batch
            yield list(range(start + self.rank, start + self.batch, self.world))


def collate(samples: list[Batch]) -> Batch:
    """One batch of many."""
    return Batch(
        torch.cat([s.pixels for s in samples]),
        torch.cat([s.colour for s in samples]),
        [p for s in samples for p in s.positions],
        [b for s in samples for b in s.bad],
        joined([s.labels for s in samples]),
    )


def joined(labels: list[Tensor | None]) -> Tensor | None:
    """Labels of several batches in one, or None where there are none."""
    known = [x for x in labels if x is not None]
    return torch.cat(known) if known else None


def loader(
    pictures: TrainingPictures, positions: Positions, workers: int, prefetch: int, pin: bool
) -> DataLoader[Batch]:
    """Batches in the order of `positions`, read ahead by `workers` processes."""
    return DataLoader(
        pictures,
        batch_sampler=positions,
        num_workers=workers,
        collate_fn=collate,
        prefetch_factor=prefetch if workers else None,
        pin_memory=pin,
        worker_init_fn=_leave_signals_to_the_run,
    )


def _leave_signals_to_the_run(_worker: int) -> None:
    """A signal to the whole process group must not end the readers before the state is saved."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
