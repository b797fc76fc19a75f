"""The mixed random degradation of real-world super-resolution: blur, resize, noise, JPEG, twice."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from sr3.degradations.kinds.jpeg_codec import compressed
from sr3.degradations.kinds.kernels import blurred
from sr3.degradations.kinds.operator import Operator
from sr3.degradations.kinds.random_kernels import Dice, random_kernel, random_sinc
from sr3.degradations.protocol import Degradation, Parameter, Request

LEAST_SIDE = 4  # pixels that a picture keeps on the way
MODES = ("area", "bilinear", "bicubic")
COUNTS = 256  # of photons for white, before the noise is scaled
GRAY_NOISE, GAUSSIAN_NOISE, FINAL_SINC, LAST_BLUR = 0.4, 0.5, 0.8, 0.8


@dataclass(frozen=True)
class Round:
    """Ranges of one of the two rounds, at full strength.

    Attributes:
        sigma: largest deviation of the blur; blur: share of the pictures that get one.
        sizes: smallest and largest change of the size; ways: shares of larger, smaller, the same.
        noise: largest deviation, levels; shot: largest multiple of the photons' own noise.
    """

    sigma: float
    blur: float
    sizes: tuple[float, float]
    ways: tuple[float, float, float]
    noise: float
    shot: float


FIRST = Round(3.0, 1.0, (0.15, 1.5), (0.2, 0.7, 0.1), 30, 3.0)
SECOND = Round(1.5, LAST_BLUR, (0.3, 1.2), (0.3, 0.4, 0.3), 25, 2.5)


class SecondOrder(Operator):
    """Both rounds for each picture, every draw from its own generator."""

    linear = False

    def __init__(
        self, strengths: Sequence[float], scale: int, generators: Sequence[Generator]
    ) -> None:
        self.strengths, self.scale, self.generators = strengths, scale, generators
        self.states = [generator.get_state() for generator in generators]

    def __call__(self, hr: Tensor) -> Tensor:
        made = []
        for place, generator in enumerate(self.generators):
            generator.set_state(self.states[place])  # the same draws whenever A is applied again
            picture = hr[place : place + 1]
            made.append(_degraded(picture, self.strengths[place], self.scale, Dice(generator)))
        return torch.cat(made)


def _degraded(picture: Tensor, strength: float, scale: int, dice: Dice) -> Tensor:
    height, width = picture.shape[-2:]
    x = _blur(picture, FIRST, strength, dice)
    x = _resized(x, (height, width), FIRST, strength, dice)
    x = _jpeg(_noisy(x, FIRST, strength, dice), strength, dice)
    x = _blur(x, SECOND, strength, dice)
    small = (height // scale, width // scale)
    x = _resized(x, small, SECOND, strength, dice)
    x = _noisy(x, SECOND, strength, dice)
    ringing = random_sinc(dice) if dice.chance(FINAL_SINC * strength) else None
    if dice.chance(0.5):
        return _jpeg(_last(x, small, ringing, dice), strength, dice)
    return _last(_jpeg(x, strength, dice), small, ringing, dice)


def _blur(x: Tensor, how: Round, strength: float, dice: Dice) -> Tensor:
    if not strength or not dice.chance(how.blur):
        return x
    return blurred(x, random_kernel(dice, 0.2 + (how.sigma - 0.2) * strength)[None])


def _resized(x: Tensor, base: tuple[int, int], how: Round, strength: float, dice: Dice) -> Tensor:
    least, most = (1 + (end - 1) * strength for end in how.sizes)
    way = dice.pick(3, how.ways)
    factor = (dice.uniform(1, most), dice.uniform(least, 1), 1.0)[way]
    size = tuple(max(LEAST_SIDE, int(side * factor)) for side in base)
    return _to_size(x, (size[0], size[1]), dice)


def _to_size(x: Tensor, size: tuple[int, int], dice: Dice) -> Tensor:
    mode = MODES[dice.pick(len(MODES))]
    if x.shape[-2:] == size:
        return x
    corners = None if mode == "area" else False
    return F.interpolate(x, size=size, mode=mode, align_corners=corners)


def _noisy(x: Tensor, how: Round, strength: float, dice: Dice) -> Tensor:
    gray = dice.chance(GRAY_NOISE)
    field = (1, 1 if gray else 3, *x.shape[-2:])
    if dice.chance(GAUSSIAN_NOISE):
        std = dice.uniform(min(1.0, how.noise * strength), how.noise * strength) / 127.5
        return (x + std * torch.randn(field, generator=dice.generator).to(x)).clamp(-1, 1)
    light = ((x.clamp(-1, 1) + 1) / 2).cpu()
    light = light.mean(dim=1, keepdim=True) if gray else light
    photons = torch.poisson(light * COUNTS, generator=dice.generator) / COUNTS
    share = dice.uniform(min(0.05, how.shot * strength), how.shot * strength)
    return (x + 2 * share * (photons - light).to(x)).clamp(-1, 1)


def _jpeg(x: Tensor, strength: float, dice: Dice) -> Tensor:
    return compressed(x, [round(dice.uniform(95 - 65 * strength, 95))]) if strength else x


def _last(x: Tensor, size: tuple[int, int], ringing: Tensor | None, dice: Dice) -> Tensor:
    x = _to_size(x, size, dice)
    return x if ringing is None else blurred(x, ringing[None]).clamp(-1, 1)


def operator(request: Request) -> Operator:
    """Each picture's own chain."""
    strengths = [values["strength"] for values in request.values]
    return SecondOrder(strengths, request.scale, request.generators)


DEGRADATION = Degradation(
    title="mixed random degradation, second order",
    source="Wang et al. 2021 (Real-ESRGAN), Section 3 and their published ranges",
    version=1,
    operator=operator,
    parameters={
        "strength": Parameter((1, 1), (0, 1), "", "share of the published ranges; 0 resizes alone")
    },
    resizes=True,
    linear=False,
    repeats=False,
    drawn=True,
    look="low_resolution",
)
