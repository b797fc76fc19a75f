"""A chain of models, each upscaling what the one before made, as the paper's 16 -> 1024 does.

Few steps suffice at high resolution, where the input already says most: each stage has its own
sampler and number of steps. Stages pass on float pictures, unrounded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from sr3.diffusion.projection import Projection
from sr3.networks.model import Model
from sr3.sampling import schedule_choice
from sr3.sampling.upscaling import WINDOW_BATCH, refuse_generator, softening, upscale

Generators = Callable[[int], list[torch.Generator]]


@dataclass(frozen=True)
class Stage:
    """One model of the chain and how it is sampled; None is the model's own default.

    Attributes:
        schedule: text of `schedule_choice.parse`.
        tile, overlap: of the windows, in the stage's output pixels.
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

    def resolved(self) -> dict[str, str | float | None]:
        """Sampler, steps, schedule, temperature and spread with the model's defaults filled in.

        Raises:
            InputError: a sampler, schedule or number that cannot be.
        """
        spec = self.model.spec
        if spec.task == "regression":
            return dict.fromkeys(("sampler", "steps", "schedule", "temperature", "spread"))
        refuse_generator(spec)
        plan = schedule_choice.resolved(spec, self.sampler, self.steps, self.schedule, self.eta)
        return {**plan, **softening(spec, self.temperature, self.spread)}


def total_scale(stages: Sequence[Stage]) -> int:
    """Factor from the first input to the last output."""
    return prod(stage.model.spec.scale for stage in stages)


def run(
    stages: Sequence[Stage],
    lr: Tensor,
    generators: Generators,
    precision: str = "auto",
    consistent: bool = False,
    window_batch: int = WINDOW_BATCH,
    progress: Callable[[float], None] | None = None,
) -> Tensor:
    """Super-resolve a batch through all stages.

    Args:
        lr: (B, 3, h, w) in [-1, 1].
        generators: gives the CPU generators of a stage's number, one per picture.
        consistent: every stage agrees with its own input, and the result with `lr`.
        progress: called with shares of the work, which are counted equal between stages.

    Returns:
        (B, 3, h * total_scale, w * total_scale) float32 in [-1, 1].
    """
    pictures = lr
    for number, stage in enumerate(stages):
        pictures = upscale(
            stage.model,
            pictures,
            generators(number),
            stage.sampler,
            stage.steps,
            precision,
            schedule=stage.schedule,
            eta=stage.eta,
            temperature=stage.temperature,
            spread=stage.spread,
            consistent=consistent,
            tile=stage.tile,
            overlap=stage.overlap,
            window_batch=window_batch,
            progress=None if progress is None else _part(progress, len(stages)),
        )
    if consistent and len(stages) > 1:
        pictures = Projection(lr, total_scale(stages)).within_range(pictures)
    return pictures


def _part(progress: Callable[[float], None], stages: int) -> Callable[[float], None]:
    return lambda share: progress(share / stages)
