"""A chain of models, each upscaling what the one before made, as the paper's 16 -> 1024 does.

Few steps suffice at high resolution, where the input already says most: each stage has its own
sampler and number of steps. Stages pass on float pictures, unrounded. `sr3.sample` begins a chain
with a picture, `sr3.cascade` with a generator's.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import torch
from torch import Tensor

from sr3.base.errors import InputError
from sr3.degradations.protocol import DEFAULT, Chosen, tried
from sr3.diffusion import samplers
from sr3.diffusion.projection import Projection
from sr3.networks import start as starts
from sr3.networks.model import Model
from sr3.networks.start import Start
from sr3.pictures import tiling
from sr3.pictures.resize import upsample
from sr3.sampling import schedule_choice
from sr3.sampling.upscaling import (
    CLEAN,
    WINDOW_BATCH,
    Conditioning,
    degradation_of,
    refuse_generator,
    softening,
    upscale,
)

Generators = Callable[[int], list[torch.Generator]]
Progress = Callable[[float], None]


class Link(Protocol):
    """What a chain is made of."""

    @property
    def scale(self) -> int:
        """Factor from its input to its output."""

    @property
    def consistent(self) -> bool:
        """Whether its output, downsampled, is its input."""

    @property
    def batch_size(self) -> int | None:
        """Pictures, or windows of one, at once; None is the run's."""

    def evaluations(self) -> int:
        """Of a network, per picture or window."""

    def upscale(
        self,
        lr: Tensor,
        generators: list[torch.Generator],
        precision: str,
        window_batch: int,
        progress: Progress | None,
    ) -> Tensor:
        """(B, 3, h * scale, w * scale) of lr (B, 3, h, w), both in [-1, 1]."""


@dataclass(frozen=True)
class Stage:
    """One model of the chain and how it is sampled; None is the model's own default.

    Attributes:
        schedule: text of `schedule_choice.parse`.
        tile, overlap: of the windows, in the stage's output pixels.
        degradation: of its input, where that is known better than the weights say.
        consistent: the output agrees with the stage's own input, before `conditioning`.
        conditioning: blur and noise of what the network sees of its input.
        batch_size: as of a `Link`.
        start: the regression twin that it starts at; None is noise, whatever the model's default.
    """

    model: Model
    sampler: str | None = None
    steps: int | None = None
    schedule: str | None = None
    eta: float | None = None
    temperature: float | None = None
    spread: float | None = None
    tile: int | None = None
    overlap: int | None = None
    degradation: str | None = None
    consistent: bool = False
    conditioning: Conditioning = CLEAN
    batch_size: int | None = None
    start: Start | None = None

    @property
    def scale(self) -> int:
        return self.model.spec.scale

    @property
    def chosen(self) -> Chosen:
        """What the stage's input went through."""
        return degradation_of(self.model.spec, self.degradation)

    def resolved(self) -> dict[str, str | float | None]:
        """Sampler, steps, schedule, temperature, spread and start, the model's defaults filled in.

        Raises:
            InputError: a sampler, schedule or number that cannot be.
        """
        spec = self.model.spec
        if spec.task == "regression":
            return dict.fromkeys(("sampler", "steps", "schedule", "temperature", "spread"))
        refuse_generator(spec)
        plan = schedule_choice.resolved(spec, self.sampler, self.steps, self.schedule, self.eta)
        soft = softening(spec, self.temperature, self.spread)
        return {**plan, **soft, **starts.described(self.start)}

    def check(self, side: int) -> None:
        """InputError for square inputs of this side that the network was not made for.

        Larger ones are meant where `tile` is given, so that windows of it are taken.
        """
        spec, unet = self.model.spec, self.model.spec.unet
        wanted = unet.resolution // spec.scale
        if side < wanted or (side > wanted and self.tile is None):
            windows = f", or tile = {unet.resolution} for windows" if side > wanted else ""
            raise InputError(
                f"found pictures of {side}x{side} from the stage before, "
                f"wanted {wanted}x{wanted}, as these weights were trained{windows}"
            )
        tile, large = self.tile or unet.resolution, side * spec.scale
        tiling.make_plan(large, large, spec.scale, tile, unet.divisor, self.overlap)
        self.conditioning.check(spec, side)

    def evaluations(self) -> int:
        spec = self.model.spec
        if spec.task == "regression":
            return 1
        name = self.sampler or spec.sampler
        schedule = schedule_choice.choose(spec, name, self.steps, self.schedule)
        if self.start is None:
            return samplers.INFO[name].cost(schedule.num_steps)
        return 1 + samplers.INFO[name].cost(self.start.cut(schedule).num_steps)

    def upscale(
        self,
        lr: Tensor,
        generators: list[torch.Generator],
        precision: str = "auto",
        window_batch: int = WINDOW_BATCH,
        progress: Progress | None = None,
    ) -> Tensor:
        return upscale(
            self.model,
            lr,
            generators,
            self.sampler,
            self.steps,
            precision,
            schedule=self.schedule,
            eta=self.eta,
            temperature=self.temperature,
            spread=self.spread,
            consistent=self.consistent,
            tile=self.tile,
            overlap=self.overlap,
            window_batch=window_batch,
            conditioning=self.conditioning,
            degradation=self.degradation,
            start=self.start,
            progress=progress,
        )


@dataclass(frozen=True)
class Bicubic:
    """A stage without a network, to compare with."""

    scale: int
    consistent: bool = False
    batch_size: int | None = None

    def resolved(self) -> dict[str, Any]:
        return {"scale": self.scale}

    def check(self, side: int) -> None:
        """Any side will do."""

    def evaluations(self) -> int:
        return 0

    def upscale(
        self,
        lr: Tensor,
        generators: list[torch.Generator],
        precision: str,
        window_batch: int,
        progress: Progress | None,
    ) -> Tensor:
        return upsample(lr, self.scale).clamp(-1, 1)


def total_scale(stages: Sequence[Link]) -> int:
    """Factor from the first input to the last output."""
    return prod(stage.scale for stage in stages)


def check(stages: Sequence[Stage], consistent: bool) -> None:
    """InputError where stages cannot follow one another, or a chain has no one A to agree with."""
    for stage in stages[1:]:
        chosen = stage.chosen
        if chosen.degradation.channels != 3:
            raise InputError(
                f"found {chosen.name} weights after others, wanted weights that take a whole "
                "colour picture"
            )
    if consistent:
        side = stages[0].model.spec.unet.resolution
        tried(stages[0].chosen, (side, side))
    names = [stage.chosen.name for stage in stages]
    if consistent and len(stages) > 1 and set(names) != {DEFAULT}:
        raise InputError(
            f"found a chain of {' and '.join(names)} with consistent, which a chain of "
            f"{DEFAULT} alone can be"
        )


def each(
    stages: Sequence[Link],
    lr: Tensor,
    generators: Generators,
    precision: str = "auto",
    window_batch: int = WINDOW_BATCH,
    progress: Progress | None = None,
) -> Iterator[Tensor]:
    """Super-resolve a batch through all stages, handing out what each one makes.

    Where every stage agrees with its own input, the last result also agrees with `lr`.

    Args:
        lr: (B, C, h, w) in [-1, 1], C as the first stage's degradation has it.
        generators: gives the CPU generators of a stage's number, one per picture.
        window_batch: windows at once, where a stage does not say.
        progress: called with shares of the work, as `work_of` estimates it.

    Yields:
        (B, 3, h * s, w * s) float32 in [-1, 1] after each stage, s the factor until there.
    """
    pictures, work = lr, work_of(stages)
    for number, stage in enumerate(stages):
        pictures = _through(
            stage, pictures, generators(number), precision, window_batch,
            None if progress is None else _part(progress, work[number] / (sum(work) or 1)),
        )  # fmt: skip
        last = number == len(stages) - 1
        if last and number and all(link.consistent for link in stages):
            pictures = Projection(lr, total_scale(stages)).within_range(pictures)
        yield pictures


def run(
    stages: Sequence[Link],
    lr: Tensor,
    generators: Generators,
    precision: str = "auto",
    window_batch: int = WINDOW_BATCH,
    progress: Progress | None = None,
) -> Tensor:
    """What the last stage makes; see `each`."""
    made = each(stages, lr, generators, precision, window_batch, progress)
    return deque(made, maxlen=1).pop()


def _through(
    stage: Link,
    pictures: Tensor,
    generators: list[torch.Generator],
    precision: str,
    window_batch: int,
    progress: Progress | None,
) -> Tensor:
    """A batch through one stage, at most `stage.batch_size` pictures at a time."""
    size = stage.batch_size
    if size is None or size >= len(pictures):
        return stage.upscale(pictures, generators, precision, size or window_batch, progress)
    made = []
    for start in range(0, len(pictures), size):
        part = pictures[start : start + size]
        told = None if progress is None else _part(progress, len(part) / len(pictures))
        some = generators[start : start + size]
        made.append(stage.upscale(part, some, precision, size, told))
    return torch.cat(made)


def work_of(stages: Sequence[Link]) -> list[int]:
    """Estimates of each stage's work: evaluations times output pixels, of one input pixel."""
    sides = [total_scale(stages[: number + 1]) for number in range(len(stages))]
    return [stage.evaluations() * side**2 for stage, side in zip(stages, sides, strict=True)]


def _part(progress: Progress, share: float) -> Progress:
    return lambda part: progress(part * share)
