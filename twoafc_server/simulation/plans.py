"""Balanced plans in arrays: who sees which image of which system, on which side, when.

The same balance as a served study's: complementary blocks of random permutations, so that every
image is shown equally often and never twice to one participant; sides balanced per participant.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from twoafc_server.base.errors import InputError

Ints = NDArray[np.int64]
Kind = Literal["between", "within"]


@dataclass(frozen=True)
class Design:
    """Size of a planned study.

    Attributes:
        participants: per system when `between`, in all when `within`.
        trials: test trials of one participant per system.
        images: test images.
        systems: number of systems.
        kind: `between` (a participant sees one system) or `within` (all of them).
    """

    participants: int = 50
    trials: int = 50
    images: int = 100
    systems: int = 1
    kind: Kind = "between"

    def __post_init__(self) -> None:
        for name in ("participants", "trials", "images", "systems"):
            if getattr(self, name) < 1:
                raise InputError(f"found {name} {getattr(self, name)}, wanted 1 or more")
        if self.trials_each > self.images:
            raise InputError(
                f"found {self.trials_each} trials per participant and {self.images} images, "
                "wanted at least as many images: nobody sees an image twice"
            )

    @property
    def trials_each(self) -> int:
        """Test trials of one participant over all systems that he or she sees."""
        return self.trials * (self.systems if self.kind == "within" else 1)

    @property
    def everyone(self) -> int:
        """Participants over all systems."""
        return self.participants * (self.systems if self.kind == "between" else 1)


@dataclass(frozen=True)
class Plan:
    """Plans of a batch of studies; every array is (batch, everyone, trials_each).

    Attributes:
        image: 0..images-1.
        system: 0..systems-1.
        model_left: True where the model's output is on the left.
    """

    image: Ints
    system: Ints
    model_left: NDArray[np.bool_]


def allocate(design: Design, batch: int, rng: np.random.Generator) -> Plan:
    """Draw `batch` independent plans of `design`, in presentation order."""
    image = _images(design, batch, rng)
    system = np.broadcast_to(_systems(design), image.shape)
    left = np.broadcast_to(np.arange(design.trials_each) % 2 == 0, image.shape)
    left = rng.permuted(left, axis=2)
    order = rng.random(image.shape).argsort(axis=2)
    return Plan(np.take_along_axis(image, order, 2), np.take_along_axis(system, order, 2), left)


def _images(design: Design, batch: int, rng: np.random.Generator) -> Ints:
    """Blocks of one permutation until it is used up whole, then of the next."""
    trials, images = design.trials_each, design.images
    period = int(np.lcm(trials, images)) // trials
    blocks = (np.arange(period)[:, None] * trials + np.arange(trials)) % images
    groups = -(-design.everyone // period)
    base = np.broadcast_to(np.arange(images), (batch, groups, images))
    permutations = rng.permuted(base, axis=2)
    plan = permutations[:, :, blocks].reshape(batch, groups * period, trials)
    return plan[:, : design.everyone]


def _systems(design: Design) -> Ints:
    slots = np.arange(design.everyone)[:, None]
    trials = np.arange(design.trials_each)[None, :]
    if design.kind == "between":
        return slots // design.participants + 0 * trials
    return (trials // design.trials + slots) % design.systems
