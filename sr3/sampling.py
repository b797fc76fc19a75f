"""Sampling: y_T -> y_0 by refinement steps, over any model and any schedule.

A sampler is a function of a `Denoiser`, which gives the y_0 estimate for a y_t at a noise level,
and of a `Noise`, which draws unit Gaussians picture by picture, so that a result does not depend
on the batch it was made in.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from sr3 import schedule as schedules
from sr3.diffusion import epsilon_from_y0
from sr3.errors import InputError
from sr3.model import Model, training_schedule
from sr3.resize import upsample
from sr3.schedule import Schedule

Denoiser = Callable[[Tensor, float], Tensor]
Noise = Callable[[], Tensor]
Sampler = Callable[[Denoiser, Schedule, Noise], Tensor]


def ancestral(denoise: Denoiser, schedule: Schedule, noise: Noise) -> Tensor:
    """Algorithm 2 of the paper: eq. 11's mean, variance 1 - alpha_t, no noise at t = 1."""
    y = noise()
    for t in range(schedule.num_steps, 0, -1):
        gamma, alpha = schedule.gamma[t], schedule.alpha[t]
        y_0 = denoise(y, gamma)
        epsilon_pred = (y - gamma**0.5 * y_0) / (1 - gamma) ** 0.5
        y = (y - (1 - alpha) / (1 - gamma) ** 0.5 * epsilon_pred) / alpha**0.5
        if t > 1:
            y = y + (1 - alpha) ** 0.5 * noise()
    return y


def ddim(denoise: Denoiser, schedule: Schedule, noise: Noise) -> Tensor:
    """Deterministic DDIM (Song et al. 2021, eta = 0)."""
    y = noise()
    for t in range(schedule.num_steps, 0, -1):
        y_0 = denoise(y, schedule.gamma[t])
        gamma = torch.full((len(y),), schedule.gamma[t], dtype=torch.float64, device=y.device)
        epsilon_pred = epsilon_from_y0(y_0, y, gamma)
        y = schedule.gamma[t - 1] ** 0.5 * y_0 + (1 - schedule.gamma[t - 1]) ** 0.5 * epsilon_pred
    return y


SAMPLERS: dict[str, Sampler] = {"ancestral": ancestral, "ddim": ddim}


def noise_of(
    generators: Sequence[torch.Generator], shape: torch.Size, device: torch.device
) -> Noise:
    """Draws of (B, *shape), the b-th from the b-th generator (on the CPU, then moved)."""

    def draw() -> Tensor:
        return torch.stack([torch.randn(shape, generator=g) for g in generators]).to(device)

    return draw


def denoiser(model: Model, lr_up: Tensor, precision: str) -> Denoiser:
    """y_0 estimates of `model` given lr_up, clipped to what a picture in [-1, 1] allows."""

    def denoise(y_t: Tensor, gamma: float) -> Tensor:
        gammas = torch.full((len(y_t),), gamma, dtype=torch.float64, device=y_t.device)
        with torch.autocast(y_t.device.type, torch.bfloat16, enabled=precision == "bf16"):
            y_0 = model.predict_y0(lr_up, y_t, gammas)
        return model.encode(model.decode(y_0, lr_up).clamp(-1, 1), lr_up)

    return denoise


def sampling_schedule(model: Model, steps: int) -> Schedule:
    """The training schedule at `steps` evenly chosen steps."""
    return schedules.respace(training_schedule(model.spec), steps)


@torch.inference_mode()
def upscale(
    model: Model,
    lr: Tensor,
    generators: Sequence[torch.Generator],
    sampler: str | None = None,
    steps: int | None = None,
    precision: str = "bf16",
) -> Tensor:
    """Super-resolve a batch.

    Args:
        lr: (B, 3, h, w) in [-1, 1].
        generators: one CPU generator per picture; unused by the regression twin.
        sampler, steps: default to the model's own.

    Returns:
        (B, 3, h * scale, w * scale) float32, clipped to [-1, 1].

    Raises:
        InputError: unknown sampler, or steps outside 1..T.
    """
    lr_up = upsample(lr, model.spec.scale).contiguous(memory_format=torch.channels_last)
    if model.spec.task == "regression":
        with torch.autocast(lr.device.type, torch.bfloat16, enabled=precision == "bf16"):
            return model.regress(lr_up).float().clamp(-1, 1)
    name = sampler or model.spec.sampler
    if name not in SAMPLERS:
        raise InputError(f"found sampler {name!r}, wanted one of: {', '.join(sorted(SAMPLERS))}")
    try:
        schedule = sampling_schedule(model, steps or model.spec.steps)
    except ValueError as error:
        raise InputError(str(error)) from error
    noise = noise_of(generators, lr_up.shape[1:], lr.device)
    y_0 = SAMPLERS[name](denoiser(model, lr_up, precision), schedule, noise)
    return model.decode(y_0, lr_up).float().clamp(-1, 1)
