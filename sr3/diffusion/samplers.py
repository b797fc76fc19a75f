"""Samplers: y_T -> y_0 by refinement steps, over any schedule and any estimate of y_0.

Each is a function of a `Denoiser`, which gives the y_0 estimate for a y_t at a noise level, a
`Schedule`, and a `Noise`, which draws unit Gaussians picture by picture, so that a result does not
depend on the batch it was made in. All of them end on the y_0 estimate of step t = 1.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from sr3.base.errors import InputError
from sr3.diffusion import process
from sr3.diffusion.schedule import Float64, Schedule
from sr3.diffusion.variational import between, log_variances

Denoiser = Callable[[Tensor, float], Tensor]
Noise = Callable[[], Tensor]
Deviation = TypeVar("Deviation", float, Tensor)  # of all values, or one a value
Estimator = Callable[
    [Tensor, float], tuple[Tensor, Tensor]
]  # y_0 and the share of a learned variance
Levels = TypeVar("Levels", float, Tensor)  # one noise level, or one a picture
Sampler = Callable[[Denoiser, Schedule, Noise], Tensor]


def noise_of(
    generators: Sequence[torch.Generator],
    shape: torch.Size,
    device: torch.device,
    temperature: float = 1.0,
) -> Noise:
    """Draws of (B, *shape), the b-th from the b-th generator (on the CPU, then moved).

    Their standard deviation is `temperature`: below 1 samples stay nearer the mean of what is
    possible, with less variety and less texture (as in Kingma & Dhariwal 2018, and SRFlow).
    """

    def draw() -> Tensor:
        drawn = torch.stack([torch.randn(shape, generator=g) for g in generators])
        return drawn.mul_(temperature).to(device)

    return draw


def beginning_at(y_0: Tensor, gamma: float, noise: Noise) -> Noise:
    """`noise`, but for the first draw, which is y_0 at noise level gamma (eq. 5)."""
    draws = iter((lambda: math.sqrt(gamma) * y_0 + math.sqrt(1 - gamma) * noise(),))
    return lambda: next(draws, noise)()


def half_log_snr(schedule: Schedule) -> Float64:
    """lambda_t = log(sqrt(gamma_t) / sqrt(1 - gamma_t)), (T + 1,), inf at t = 0."""
    with np.errstate(divide="ignore"):
        result: Float64 = (np.log(schedule.gamma) - np.log1p(-schedule.gamma)) / 2
    return result


def ancestral(denoise: Denoiser, schedule: Schedule, noise: Noise) -> Tensor:
    """Algorithm 2 of the paper: eq. 11's mean, variance 1 - alpha_t, no noise at t = 1."""

    def estimate(y: Tensor, t: int) -> tuple[Tensor, float]:
        return denoise(y, float(schedule.gamma[t])), math.sqrt(1 - float(schedule.alpha[t]))

    return _algorithm_2(estimate, schedule, noise)


def ancestral_learned(estimate: Estimator, schedule: Schedule, noise: Noise) -> Tensor:
    """Algorithm 2 with a variance of the network's own (Nichol & Dhariwal 2021, eq. 15).

    On a thinned schedule the variance lies between the bounds of that schedule, as in theirs.
    """
    log_beta, log_posterior = log_variances(schedule)

    def deviating(y: Tensor, t: int) -> tuple[Tensor, Tensor]:
        y_0, share = estimate(y, float(schedule.gamma[t]))
        log_variance = between(share, float(log_beta[t]), float(log_posterior[t]))
        return y_0, torch.exp(0.5 * log_variance)

    return _algorithm_2(deviating, schedule, noise)


def _algorithm_2(
    estimate: Callable[[Tensor, int], tuple[Tensor, Deviation]], schedule: Schedule, noise: Noise
) -> Tensor:
    """`estimate` gives y_0 and the deviation of the noise at step t."""
    y = noise()
    for t in range(schedule.num_steps, 0, -1):
        gamma, alpha = float(schedule.gamma[t]), float(schedule.alpha[t])
        y_0, deviation = estimate(y, t)
        epsilon_pred = (y - math.sqrt(gamma) * y_0) / math.sqrt(1 - gamma)
        y = (y - (1 - alpha) / math.sqrt(1 - gamma) * epsilon_pred) / math.sqrt(alpha)
        if t > 1:
            y = y + deviation * noise()
    return y


def posterior(denoise: Denoiser, schedule: Schedule, noise: Noise) -> Tensor:
    """Draws from eq. 4's posterior of the estimate: DDPM's sampler with the smaller variance."""
    y = noise()
    for t in range(schedule.num_steps, 0, -1):
        y, variance = process.posterior(denoise(y, float(schedule.gamma[t])), y, schedule, t)
        if t > 1:
            y = y + math.sqrt(variance) * noise()
    return y


def step_factors(gamma_t: Levels, gamma_s: Levels) -> tuple[Levels, Levels]:
    """(a, b) of the DDIM step y_s = a y_t + b y_0 from noise level gamma_t to gamma_s."""
    shrink = ((1 - gamma_s) / (1 - gamma_t)) ** 0.5
    return shrink, gamma_s**0.5 - shrink * gamma_t**0.5


def exponential_step(y: Tensor, gamma_t: float, gamma_s: float, y_0: Tensor) -> Tensor:
    """From noise level gamma_t to gamma_s, exact where the estimate stays y_0: a DDIM step."""
    a, b = step_factors(gamma_t, gamma_s)
    return a * y + b * y_0


def ddim(denoise: Denoiser, schedule: Schedule, noise: Noise, eta: float = 0.0) -> Tensor:
    """DDIM (Song et al. 2021, eqs. 12 and 16); eta = 1 is eq. 4's posterior, eta = 0 no noise."""
    y = noise()
    for t in range(schedule.num_steps, 0, -1):
        gamma_t, gamma_s = schedule.gamma[t], schedule.gamma[t - 1]
        y_0 = denoise(y, gamma_t)
        epsilon_pred = (y - gamma_t**0.5 * y_0) / (1 - gamma_t) ** 0.5
        variance = eta**2 * (1 - gamma_s) / (1 - gamma_t) * schedule.beta[t]
        y = gamma_s**0.5 * y_0 + max(1 - gamma_s - variance, 0) ** 0.5 * epsilon_pred
        if t > 1 and eta > 0:
            y = y + variance**0.5 * noise()
    return y


def dpmpp_2m(denoise: Denoiser, schedule: Schedule, noise: Noise, eta: float = 0.0) -> Tensor:
    """DPM-Solver++(2M) (Lu et al. 2022, algorithm 2); eta = 1 is its SDE form.

    Between them eta scales the noise that is put back. First and last step are first order.
    """
    lambdas, y = half_log_snr(schedule), noise()
    y_0_last, h_last = None, 1.0
    for t in range(schedule.num_steps, 1, -1):
        gamma_t, gamma_s = schedule.gamma[t], schedule.gamma[t - 1]
        y_0, h = denoise(y, gamma_t), lambdas[t - 1] - lambdas[t]
        d = y_0 if y_0_last is None else y_0 + h / (2 * h_last) * (y_0 - y_0_last)
        shrink = ((1 - gamma_s) / (1 - gamma_t)) ** 0.5 * math.exp(-eta * h)
        y = shrink * y - gamma_s**0.5 * math.expm1(-(1 + eta) * h) * d
        if eta > 0:
            y = y + (-(1 - gamma_s) * math.expm1(-2 * eta * h)) ** 0.5 * noise()
        y_0_last, h_last = y_0, h
    return denoise(y, schedule.gamma[1])


def heun(denoise: Denoiser, schedule: Schedule, noise: Noise) -> Tensor:
    """Heun's method on the probability flow (Karras et al. 2022, algorithm 1).

    The variable is y_t / sqrt(gamma_t), whose noise has deviation sigma = exp(-lambda). Costs two
    evaluations a step but one at the last.
    """
    sigma = np.exp(-half_log_snr(schedule))
    x = noise() / schedule.gamma[-1] ** 0.5
    for t in range(schedule.num_steps, 1, -1):
        gamma_t, gamma_s = schedule.gamma[t], schedule.gamma[t - 1]
        slope = (x - denoise(gamma_t**0.5 * x, gamma_t)) / sigma[t]
        ahead = x + (sigma[t - 1] - sigma[t]) * slope
        slope_ahead = (ahead - denoise(gamma_s**0.5 * ahead, gamma_s)) / sigma[t - 1]
        x = x + (sigma[t - 1] - sigma[t]) * (slope + slope_ahead) / 2
    return denoise(schedule.gamma[1] ** 0.5 * x, schedule.gamma[1])


def unipc(denoise: Denoiser, schedule: Schedule, noise: Noise) -> Tensor:
    """UniPC-2 (Zhao et al. 2023, B(h) = e^h - 1): predictor-corrector, one evaluation a step.

    The predictor is DPM-Solver++(2M)'s; the evaluation at its result then corrects that result,
    which makes the whole third order.
    """
    gamma, lambdas = schedule.gamma, half_log_snr(schedule)
    y = noise()
    known: list[Tensor] = []
    base = y  # the y that the last step left from; y_0 estimates, newest first
    for t in range(schedule.num_steps, 1, -1):
        y_0 = denoise(y, gamma[t])
        if known:
            y = exponential_step(base, gamma[t + 1], gamma[t], _corrected(y_0, known, lambdas[t:]))
        known, base = [y_0, *known][:2], y
        y = exponential_step(y, gamma[t], gamma[t - 1], _extrapolated(known, lambdas[t - 1 :]))
    return denoise(y, gamma[1])


def _extrapolated(known: list[Tensor], lambdas: Float64) -> Tensor:
    """y_0 for the step to lambdas[0] from estimates at lambdas[1] and, where there is, [2]."""
    if len(known) == 1:
        return known[0]
    ratio = (lambdas[0] - lambdas[1]) / (lambdas[1] - lambdas[2])
    return known[0] + float(ratio) / 2 * (known[0] - known[1])


def _corrected(new: Tensor, known: list[Tensor], lambdas: Float64) -> Tensor:
    """The same step once more, with the estimate `new` at its end, lambdas[0], known too."""
    if len(known) == 1:
        return (new + known[0]) / 2
    h = float(lambdas[0] - lambdas[1])
    r = -float(lambdas[1] - lambdas[2]) / h
    phi = math.expm1(-h)
    b_1 = (phi / -h - 1) / phi
    b_2 = 2 * ((phi / -h - 1) / -h - 0.5) / phi
    rho = (b_1 - b_2) / (1 - r)
    return known[0] + rho / r * (known[1] - known[0]) + (b_1 - rho) * (new - known[0])


@dataclass(frozen=True)
class SamplerInfo:
    """A sampler by name: how it runs, what eta it takes, what a run costs.

    Attributes:
        eta: default of its `eta`; None where it takes none.
        evaluations: of the network, per step but the last, which costs one.
    """

    run: Callable[..., Tensor]
    eta: float | None = None
    evaluations: int = 1

    def cost(self, steps: int) -> int:
        """Evaluations of the network in a run of `steps`."""
        return self.evaluations * (steps - 1) + 1


INFO: dict[str, SamplerInfo] = {
    "ancestral": SamplerInfo(ancestral),
    "ddim": SamplerInfo(ddim, eta=0.0),
    "dpmpp-2m": SamplerInfo(dpmpp_2m, eta=0.0),
    "dpmpp-2m-sde": SamplerInfo(dpmpp_2m, eta=1.0),
    "heun": SamplerInfo(heun, evaluations=2),
    "posterior": SamplerInfo(posterior),
    "unipc": SamplerInfo(unipc),
}


def get(name: str, eta: float | None = None) -> Sampler:
    """The sampler of a name, with its own eta or the given one.

    Raises:
        InputError: an unknown name, eta outside 0..1, or eta for a sampler that takes none.
    """
    if name not in INFO:
        raise InputError(f"found sampler {name!r}, wanted one of: {', '.join(sorted(INFO))}")
    info = INFO[name]
    if info.eta is None:
        if eta is not None:
            takers = ", ".join(n for n, i in INFO.items() if i.eta is not None)
            raise InputError(f"found eta for sampler {name}, which takes none: use {takers}")
        return info.run
    if eta is not None and not 0 <= eta <= 1:
        raise InputError(f"found eta {eta}, wanted 0 (no noise) to 1")
    return partial(info.run, eta=info.eta if eta is None else eta)


SAMPLERS: dict[str, Sampler] = {name: get(name) for name in INFO}
