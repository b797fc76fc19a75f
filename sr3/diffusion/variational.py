"""A learned variance and the variational bound that it is trained by (Nichol & Dhariwal 2021).

The network says for every value where between beta_t and the posterior's variance its own lies, in
logarithms (their eq. 15). The bound is theirs, after Ho et al. (2020): a KL divergence of Gaussians
at t > 1, and at t = 1 the likelihood of 8-bit values. Noise levels are (B,) float64.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sr3.diffusion.process import per_image
from sr3.diffusion.schedule import Float64, Schedule

LAMBDA = 0.001  # of the bound beside the simple loss (their section 3.1)
HALF_LEVEL = 1 / 255  # half an 8-bit level, in units of [-1, 1]
LEAST_LIKELY = 1e-12  # numerical guard under a logarithm


def log_variances(schedule: Schedule) -> tuple[Float64, Float64]:
    """log of beta_t and of the posterior's variance (eq. 4), each (T + 1,); index 0 is unused.

    The posterior has no variance at t = 1; it takes that of t = 2 there, or beta_1 if T is 1.
    """
    gamma, beta = schedule.gamma, schedule.beta
    posterior = beta[1:] * (1 - gamma[:-1]) / (1 - gamma[1:])
    posterior[0] = posterior[1] if len(posterior) > 1 else beta[1]
    log_beta, log_posterior = np.log(beta[1:]), np.log(posterior)
    return np.concatenate([[0.0], log_beta]), np.concatenate([[0.0], log_posterior])


def between(share: Tensor, log_beta: Tensor | float, log_posterior: Tensor | float) -> Tensor:
    """Their eq. 15: the log-variance at `share` in (0, 1) of the way to beta."""
    return share * log_beta + (1 - share) * log_posterior


@dataclass(frozen=True)
class Step:
    """What the bound needs to know of a step t, all (B, 1, 1, 1).

    Attributes:
        weight_0, weight_t: of y_0 and y_t in the posterior's mean (eq. 4).
        log_beta, log_posterior: as `log_variances`.
        last: whether t is 1.
    """

    weight_0: Tensor
    weight_t: Tensor
    log_beta: Tensor
    log_posterior: Tensor
    last: Tensor


def step_of(schedule: Schedule, t: Tensor, like: Tensor) -> Step:
    """The steps t (B,) of `schedule`, in the dtype and on the device of `like`."""
    gamma = torch.from_numpy(schedule.gamma)
    log_beta, log_posterior = (torch.from_numpy(v) for v in log_variances(schedule))
    where = t.cpu()
    now, before = gamma[where], gamma[where - 1]
    alpha = now / before
    weight_0 = before.sqrt() * (1 - alpha) / (1 - now)
    weight_t = alpha.sqrt() * (1 - before) / (1 - now)
    return Step(
        weight_0=per_image(weight_0, like),
        weight_t=per_image(weight_t, like),
        log_beta=per_image(log_beta[where], like),
        log_posterior=per_image(log_posterior[where], like),
        last=(where == 1).to(like.device).view(-1, 1, 1, 1),
    )


def bound(y_0: Tensor, y_t: Tensor, y_0_pred: Tensor, share: Tensor, step: Step) -> Tensor:
    """L_{t-1}, or L_0 at t = 1, of each example: (B,) bits per value.

    Args:
        y_0, y_t, y_0_pred: (B, C, H, W); a prediction that the variance alone is to learn from
            comes detached.
        share: (B, C, H, W) in (0, 1), the network's.
    """
    true_mean = step.weight_0 * y_0 + step.weight_t * y_t
    mean = step.weight_0 * y_0_pred + step.weight_t * y_t
    log_variance = between(share, step.log_beta, step.log_posterior)
    divergence = gaussian_kl(true_mean, step.log_posterior, mean, log_variance)
    likelihood = discretised_log_likelihood(y_0, mean, log_variance)
    nats = torch.where(step.last, -likelihood, divergence)
    return nats.mean(dim=(1, 2, 3)) / math.log(2)


def gaussian_kl(mean_p: Tensor, log_var_p: Tensor, mean_q: Tensor, log_var_q: Tensor) -> Tensor:
    """KL(p || q) of Gaussians by value, in nats."""
    apart = (mean_p - mean_q).square() * torch.exp(-log_var_q)
    return 0.5 * (log_var_q - log_var_p + torch.exp(log_var_p - log_var_q) + apart - 1)


def discretised_log_likelihood(y_0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """log of what a Gaussian gives to the 8-bit level around y_0; the outer levels are open."""
    scale = torch.exp(-0.5 * log_variance)
    upper = (y_0 - mean + HALF_LEVEL) * scale
    lower = (y_0 - mean - HALF_LEVEL) * scale
    upper = torch.where(y_0 > 1 - HALF_LEVEL, math.inf, upper)
    lower = torch.where(y_0 < -1 + HALF_LEVEL, -math.inf, lower)
    above = lower > 0  # there both shares are near 1, and float32 keeps the mirror image's apart
    left, right = torch.where(above, -upper, lower), torch.where(above, -lower, upper)
    inside = torch.erfc(-right / math.sqrt(2)) - torch.erfc(-left / math.sqrt(2))
    return (inside / 2).clamp(min=LEAST_LIKELY).log()
