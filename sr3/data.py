"""Training examples: HR pictures by position in an endless, reproducible order.

Position p of a run is picture `order(epoch)[p mod N]` with augmentation seeded by (seed, p); LR is
not made here but from the batch, in float, by the one resize operator (`degrade`).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from sr3 import images
from sr3.errors import InputError
from sr3.resize import downsample, upsample
from sr3.rng import generator_of, seed_of


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


def split_holdout(paths: list[Path], count: int) -> tuple[list[Path], list[Path]]:
    """(training, held-out): the `count` names with the smallest hash are held out."""
    if count >= len(paths):
        raise InputError(f"found {len(paths)} images, wanted more than the {count} held out")
    ranked = sorted(paths, key=lambda p: hashlib.sha256(p.stem.encode()).hexdigest())
    held = set(ranked[:count])
    return [p for p in paths if p not in held], sorted(held)


def load_pictures(paths: list[Path], side: int) -> np.ndarray:
    """(N, side, side, 3) uint8; InputError names the first picture of another size."""
    pictures = np.empty((len(paths), side, side, 3), np.uint8)
    for i, path in enumerate(paths):
        picture = images.read_rgb(path)
        if picture.shape != (side, side, 3):
            raise InputError(
                f"found {picture.shape[1]}x{picture.shape[0]} in {path}, wanted {side}x{side}: "
                "prepare the folder with `python -m bench.data prepare`"
            )
        pictures[i] = picture
    return pictures


class TrainingPictures(Dataset[Tensor]):
    """Augmented HR crops of side `side` by position, held in memory as 8-bit."""

    def __init__(
        self, pictures: np.ndarray, side: int, augmentation: Augmentation, seed: int
    ) -> None:
        self.pictures = pictures
        self.side = side
        self.augmentation = augmentation
        self.seed = seed
        self._epoch = -1
        self._order = np.empty(0, np.int64)

    def index_of(self, position: int) -> int:
        """Which picture stands at `position`; every picture once per epoch."""
        epoch, place = divmod(position, len(self.pictures))
        if epoch != self._epoch:
            rng = np.random.default_rng(seed_of(self.seed, "order", epoch))
            self._epoch, self._order = epoch, rng.permutation(len(self.pictures))
        return int(self._order[place])

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, position: int) -> Tensor:
        """(3, side, side) float32 in [-1, 1]."""
        rng = np.random.default_rng(seed_of(self.seed, "augment", position))
        picture = crop(self.pictures[self.index_of(position)], self.side, rng)
        return augment(images.from_uint8(picture[None])[0], self.augmentation, rng)


def crop(picture: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """A square of side `side` from anywhere in a picture (H, W, 3)."""
    if picture.shape[:2] == (side, side):
        return picture
    top = int(rng.integers(0, picture.shape[0] - side + 1))
    left = int(rng.integers(0, picture.shape[1] - side + 1))
    return picture[top : top + side, left : left + side]


def augment(hr: Tensor, how: Augmentation, rng: np.random.Generator) -> Tensor:
    """One picture (3, H, W), mirrored, shifted by whole pixels and re-coloured."""
    if rng.random() < how.flip:
        hr = hr.flip(-1)
    if how.shift:
        dy, dx = rng.integers(0, 2 * how.shift + 1, 2)
        padded = F.pad(hr[None], (how.shift,) * 4, mode="reflect")[0]
        hr = padded[:, dy : dy + hr.shape[1], dx : dx + hr.shape[2]]
    if how.colour:
        gain = torch.from_numpy(rng.uniform(-how.colour, how.colour, 3)).float()
        contrast, level = rng.uniform(-how.colour, how.colour, 2)
        hr = (hr * (1 + float(contrast)) * (1 + gain / 2).view(3, 1, 1) + float(level)).clamp(-1, 1)
    return hr


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


def blur_low_resolution(lr: Tensor, how: Augmentation, seed: int, positions: list[int]) -> Tensor:
    """`lr` (B, 3, h, w) with a share `how.blur` of its pictures blurred, each by its own sigma."""
    if not how.blur:
        return lr
    out = lr.clone()
    for i, position in enumerate(positions):
        u, place = torch.rand(2, generator=generator_of(seed, "blur", position)).tolist()
        if u < how.blur:
            low, high = how.blur_sigma
            out[i : i + 1] = gaussian_blur(lr[i : i + 1], low + (high - low) * place)
    return out


def gaussian_blur(pictures: Tensor, sigma: float) -> Tensor:
    """Separable Gaussian of standard deviation `sigma` pixels, reflected at the border."""
    radius = max(1, round(3 * sigma))
    offset = torch.arange(-radius, radius + 1, dtype=pictures.dtype, device=pictures.device)
    kernel = torch.exp(-0.5 * (offset / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(pictures.shape[1], 1, -1)
    padded = F.pad(pictures, (radius,) * 4, mode="reflect")
    rows = F.conv2d(padded, kernel[..., None], groups=pictures.shape[1])
    return F.conv2d(rows, kernel[:, :, None], groups=pictures.shape[1])


def degrade(
    hr: Tensor, scale: int, how: Augmentation, seed: int, positions: list[int]
) -> tuple[Tensor, Tensor]:
    """(lr, lr_up) of a training batch, all in float; the condition is made of the blurred lr."""
    lr = downsample(hr, scale)
    return lr, upsample(blur_low_resolution(lr, how, seed, positions), scale)
