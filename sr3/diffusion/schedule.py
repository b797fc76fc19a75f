"""Noise schedules in float64: alpha, beta and their cumulative product gamma, indexed 0..T.

Index 0 is the clean image: gamma[0] = 1. Index T is the noisiest. The paper does not publish the
shape of beta; what is used here and why stands in docs/fidelity.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Schedule:
    """gamma of every step; alpha and beta follow from it (eqs. 2 and 3).

    Attributes:
        gamma: (T + 1,) float64, strictly decreasing, in (0, 1], gamma[0] = 1.
        name: how it was made, for provenance.
    """

    gamma: Float64
    name: str

    def __post_init__(self) -> None:
        gamma = np.asarray(self.gamma, dtype=np.float64)
        if gamma.ndim != 1 or len(gamma) < 2 or gamma[0] != 1:
            raise ValueError(
                f"found gamma of shape {gamma.shape}, wanted (T + 1,) from gamma[0] = 1"
            )
        if not (np.all(np.diff(gamma) < 0) and gamma[-1] > 0):
            raise ValueError(f"schedule {self.name}: gamma must fall strictly and stay above 0")
        object.__setattr__(self, "gamma", gamma)

    @property
    def num_steps(self) -> int:
        """T."""
        return len(self.gamma) - 1

    @property
    def alpha(self) -> Float64:
        """(T + 1,), alpha_t = gamma_t / gamma_{t-1}; alpha[0] = 1."""
        return np.concatenate([[1.0], self.gamma[1:] / self.gamma[:-1]])

    @property
    def beta(self) -> Float64:
        """(T + 1,), beta_t = 1 - alpha_t."""
        return 1.0 - self.alpha


def from_beta(beta: Float64, name: str) -> Schedule:
    """Schedule of beta_1..beta_T, each in (0, 1)."""
    gamma = np.exp(np.cumsum(np.log1p(-np.asarray(beta, dtype=np.float64))))
    return Schedule(np.concatenate([[1.0], gamma]), name)


def linear(num_steps: int, beta_min: float = 1e-6, beta_max: float = 1e-2) -> Schedule:
    """beta rises linearly from beta_min to beta_max."""
    name = f"linear-{num_steps}-{beta_min:g}-{beta_max:g}"
    return from_beta(np.linspace(beta_min, beta_max, num_steps), name)


def quadratic(num_steps: int, beta_min: float = 1e-6, beta_max: float = 1e-2) -> Schedule:
    """sqrt(beta) rises linearly; more of the steps at low noise than `linear`."""
    beta = np.linspace(beta_min**0.5, beta_max**0.5, num_steps) ** 2
    return from_beta(beta, f"quadratic-{num_steps}-{beta_min:g}-{beta_max:g}")


def cosine(num_steps: int, offset: float = 0.008, beta_max: float = 0.999) -> Schedule:
    """gamma follows a squared cosine (Nichol & Dhariwal 2021, eq. 17), beta clipped at beta_max."""
    u = np.arange(num_steps + 1, dtype=np.float64) / num_steps
    curve = np.cos((u + offset) / (1 + offset) * np.pi / 2) ** 2
    beta = np.clip(1 - curve[1:] / curve[:-1], 0, beta_max)
    return from_beta(beta, f"cosine-{num_steps}-{offset:g}")


def log_snr_uniform(
    num_steps: int, log_snr_max: float = 12.0, log_snr_min: float = -9.0, curve: float = 1.0
) -> Schedule:
    """log(gamma / (1 - gamma)) falls from log_snr_max at t = 1 to log_snr_min at t = T.

    `curve` bends it: u -> u ** curve, above 1 for more steps at low noise. A family for few-step
    inference: even spacing in log-SNR is what high-order solvers assume.
    """
    u = (np.linspace(0, 1, num_steps) if num_steps > 1 else np.ones(1)) ** curve
    log_snr = log_snr_max + (log_snr_min - log_snr_max) * u
    gamma = 1 / (1 + np.exp(-log_snr))
    name = f"logsnr-{num_steps}-{log_snr_max:g}-{log_snr_min:g}-{curve:g}"
    return Schedule(np.concatenate([[1.0], gamma]), name)


SHAPES: dict[str, Callable[..., Schedule]] = {
    "linear": linear,
    "quadratic": quadratic,
    "cosine": cosine,
    "logsnr": log_snr_uniform,
}


def make(spec: str) -> Schedule:
    """Schedule named `shape:num_steps[:number...]`, such as `linear:2000` or `logsnr:16:12:-9`.

    Raises:
        ValueError: an unknown shape or a number that cannot be read, with the known shapes.
    """
    shape, *numbers = spec.split(":")
    if shape not in SHAPES or not numbers:
        known = ", ".join(sorted(SHAPES))
        raise ValueError(f"found schedule {spec!r}, wanted SHAPE:STEPS[:...] with SHAPE of {known}")
    try:
        return SHAPES[shape](int(numbers[0]), *(float(n) for n in numbers[1:]))
    except TypeError as error:
        raise ValueError(f"found schedule {spec!r}: too many numbers for {shape}") from error


def respace(schedule: Schedule, num_steps: int) -> Schedule:
    """A schedule of `num_steps` whose gammas are taken evenly from the steps of `schedule`."""
    if not 1 <= num_steps <= schedule.num_steps:
        raise ValueError(f"found {num_steps} steps, wanted 1 to {schedule.num_steps}")
    index = np.round(np.linspace(0, schedule.num_steps, num_steps + 1)).astype(int)
    return Schedule(schedule.gamma[index], f"{schedule.name}@{num_steps}")


def spread(schedule: Schedule, num_steps: int) -> Schedule:
    """`respace`, and beyond the schedule's own steps between them, log(gamma) in straight lines."""
    if num_steps <= schedule.num_steps:
        return respace(schedule, num_steps)
    places = np.linspace(0, schedule.num_steps, num_steps + 1)
    log_gamma = np.interp(places, np.arange(schedule.num_steps + 1), np.log(schedule.gamma))
    return Schedule(np.exp(log_gamma), f"{schedule.name}@{num_steps}")
