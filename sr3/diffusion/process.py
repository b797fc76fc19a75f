"""The Gaussian diffusion of SR3: forward process, posterior, objectives, loss (eqs. 2 to 14).

Images are (B, C, H, W); noise levels `gamma` are (B,) float64, because 1 - gamma at the lowest
noise levels does not survive float32.
"""

from typing import Literal

import torch
from torch import Tensor

from sr3.diffusion.schedule import Schedule

Objective = Literal["epsilon", "x0", "v"]
OBJECTIVES: tuple[Objective, ...] = ("epsilon", "x0", "v")
EPS = 1e-12  # numerical guard under a square root that may divide


def per_image(values: Tensor, like: Tensor) -> Tensor:
    """(B,) -> (B, 1, 1, 1) in the dtype and on the device of `like`."""
    return values.to(like).view(-1, 1, 1, 1)


def q_sample(y_0: Tensor, gamma: Tensor, epsilon: Tensor) -> Tensor:
    """Eq. 5: sqrt(gamma) y_0 + sqrt(1 - gamma) epsilon."""
    return per_image(gamma.sqrt(), y_0) * y_0 + per_image((1 - gamma).sqrt(), y_0) * epsilon


def posterior(y_0: Tensor, y_t: Tensor, schedule: Schedule, t: int) -> tuple[Tensor, float]:
    """Eq. 4: mean, shaped as y_0, and variance of q(y_{t-1} given y_0, y_t), t in 1..T."""
    gamma_t, gamma_s, alpha_t = schedule.gamma[t], schedule.gamma[t - 1], schedule.alpha[t]
    weight_0 = gamma_s**0.5 * (1 - alpha_t) / (1 - gamma_t)
    weight_t = alpha_t**0.5 * (1 - gamma_s) / (1 - gamma_t)
    variance = (1 - gamma_s) * (1 - alpha_t) / (1 - gamma_t)
    return weight_0 * y_0 + weight_t * y_t, float(variance)


def sample_step(schedule: Schedule, uniforms: Tensor) -> Tensor:
    """(B,) steps t, uniform in 1..T, from uniforms (B,) in [0, 1)."""
    return 1 + (uniforms * schedule.num_steps).long().clamp(max=schedule.num_steps - 1)


def sample_gamma(schedule: Schedule, uniforms: Tensor) -> Tensor:
    """p(gamma) of training, one draw per example: t uniform in 1..T, then gamma within its step.

    Args:
        uniforms: (B, 2) float64 in [0, 1): the first picks t, the second the place between
            gamma_{t-1} and gamma_t. The caller brings the randomness and may stratify it.

    Returns:
        (B,) float64.
    """
    gamma = torch.from_numpy(schedule.gamma).to(uniforms.device)
    t = sample_step(schedule, uniforms[:, 0])
    return gamma[t - 1] + (gamma[t] - gamma[t - 1]) * uniforms[:, 1]


def target(objective: Objective, y_0: Tensor, epsilon: Tensor, gamma: Tensor) -> Tensor:
    """What a perfect network returns under `objective`; v as in Salimans & Ho (2022), eq. 10."""
    if objective == "epsilon":
        return epsilon
    if objective == "x0":
        return y_0
    return per_image(gamma.sqrt(), y_0) * epsilon - per_image((1 - gamma).sqrt(), y_0) * y_0


def predict_y0(objective: Objective, output: Tensor, y_t: Tensor, gamma: Tensor) -> Tensor:
    """The estimate of y_0 in a network output; for epsilon this is eq. 10."""
    if objective == "x0":
        return output
    root_gamma = per_image(gamma.clamp(min=EPS).sqrt(), y_t)
    root_noise = per_image((1 - gamma).sqrt(), y_t)
    if objective == "v":
        return root_gamma * y_t - root_noise * output
    return (y_t - root_noise * output) / root_gamma


def epsilon_from_y0(y_0: Tensor, y_t: Tensor, gamma: Tensor) -> Tensor:
    """The epsilon that makes y_t of y_0: the inverse of eq. 5."""
    root_noise = per_image((1 - gamma).clamp(min=EPS).sqrt(), y_t)
    return (y_t - per_image(gamma.sqrt(), y_t) * y_0) / root_noise


def loss_weight(objective: Objective, gamma: Tensor, min_snr: float | None) -> Tensor:
    """(B,) weights of the per-image loss: 1, or min-SNR-gamma (Hang et al. 2023) when given.

    min-SNR caps the weight of the y_0 error at `min_snr`; in the units of each objective that is
    min(SNR, c) for x0, min(SNR, c) / SNR for epsilon and min(SNR, c) / (SNR + 1) for v.
    """
    if min_snr is None:
        return torch.ones_like(gamma)
    snr = gamma / (1 - gamma).clamp(min=EPS)
    capped = snr.clamp(max=min_snr)
    if objective == "x0":
        return capped
    return capped / (snr if objective == "epsilon" else snr + 1)


def loss_per_image(output: Tensor, wanted: Tensor, power: int) -> Tensor:
    """Eq. 6 per example: mean of |output - wanted| ** p over channels and pixels, (B,) float32."""
    difference = (output.float() - wanted.float()).abs()
    return (difference if power == 1 else difference.square()).mean(dim=(1, 2, 3))
