"""Parametric families of inference schedules, and candidates spread evenly over them."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from torch.quasirandom import SobolEngine

from sr3.diffusion import schedule as schedules
from sr3.diffusion.schedule import Float64, Schedule

Interval = tuple[float, float]
LARGEST_LAST_GAMMA = 0.05  # of y_0's variance left in y_T, which sampling takes for pure noise


@dataclass(frozen=True)
class Family:
    """Schedules of any number of steps from a few numbers.

    Attributes:
        make: (num_steps, training schedule, *numbers) -> Schedule.
        ranges: of each number; "log" ones are searched evenly in their logarithm.
        log: which numbers those are.
    """

    make: Callable[..., Schedule]
    ranges: dict[str, Interval]
    log: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """A family with its numbers; `family` "training" without numbers is the default schedule."""

    family: str
    numbers: tuple[float, ...]

    def schedule(self, num_steps: int, training: Schedule) -> Schedule:
        """The schedule of `num_steps`; ValueError where there is none."""
        made = FAMILIES[self.family].make(num_steps, training, *self.numbers)
        return Schedule(made.gamma, f"{self}@{num_steps}")

    def __str__(self) -> str:
        return ":".join([self.family, *(f"{n:.4g}" for n in self.numbers)])


def log_snr_limits(training: Schedule) -> Interval:
    """(lowest, highest) log-SNR that a network trained on this schedule has seen."""
    gamma = training.gamma[1:]
    log_snr = np.log(gamma) - np.log1p(-gamma)
    return float(log_snr[-1]), float(log_snr[0])


def from_log_snr(log_snr: Float64, training: Schedule, name: str) -> Schedule:
    """Schedule through log-SNRs that fall with t, kept within what the training saw."""
    low, high = log_snr_limits(training)
    inside = np.clip(log_snr, low, high)
    return Schedule(np.concatenate([[1.0], 1 / (1 + np.exp(-inside))]), name)


def even_log_snr(
    num_steps: int, training: Schedule, high: float, low: float, curve: float
) -> Schedule:
    """log-SNR from high to low, evenly in u ** curve."""
    u = np.linspace(0, 1, num_steps) ** curve
    return from_log_snr(high + (low - high) * u, training, "logsnr")


def karras(num_steps: int, training: Schedule, high: float, low: float, rho: float) -> Schedule:
    """sigma ** (1 / rho) even, sigma = exp(-log-SNR / 2) (Karras et al. 2022, eq. 5)."""
    ends = np.exp(-np.array([high, low]) / 2) ** (1 / rho)
    sigma = np.linspace(ends[0], ends[1], num_steps) ** rho
    return from_log_snr(-2 * np.log(sigma), training, "karras")


def thinned(num_steps: int, training: Schedule, power: float) -> Schedule:
    """Steps of the training schedule at u ** power: above 1 for more of them at low noise."""
    if not 1 <= num_steps <= training.num_steps:
        raise ValueError(f"found {num_steps} steps, wanted 1 to {training.num_steps}")
    places = training.num_steps * np.linspace(0, 1, num_steps + 1) ** power
    log_gamma = np.interp(places, np.arange(training.num_steps + 1), np.log(training.gamma))
    return Schedule(np.exp(log_gamma), "training")


def beta_line(num_steps: int, training: Schedule, first: float, last: float) -> Schedule:
    """beta geometric from first to last, as in few-step schedules of WaveGrad's kind."""
    return schedules.from_beta(np.geomspace(first, last, num_steps), "beta")


FAMILIES: dict[str, Family] = {
    "logsnr": Family(even_log_snr, {"high": (2, 9), "low": (-12, -4), "curve": (0.6, 1.8)}),
    "karras": Family(karras, {"high": (2, 9), "low": (-12, -4), "rho": (2, 12)}, log=("rho",)),
    "training": Family(thinned, {"power": (0.5, 2.0)}, log=("power",)),
    "beta": Family(beta_line, {"first": (1e-3, 0.2), "last": (0.3, 0.98)}, log=("first",)),
}


def candidates(
    count: int, families: list[str], num_steps: int, training: Schedule, seed: int
) -> list[Candidate]:
    """`count` candidates, shared evenly over families, each family's by a scrambled Sobol set.

    Even thinning of the training schedule comes first. Left out is what cannot be a schedule of
    `num_steps`, and what starts at so little noise that y_T is not a Gaussian.
    """
    found = [Candidate("training", (1.0,))] if "training" in families else []
    draws = [_draws(name, seed + i) for i, name in enumerate(families)]
    while len(found) < count:
        for drawn in draws:
            candidate = next(c for c in drawn if _usable(c, num_steps, training))
            found.append(candidate)
    return found[:count]


def _draws(name: str, seed: int) -> Iterator[Candidate]:
    family = FAMILIES[name]
    engine = SobolEngine(len(family.ranges), scramble=True, seed=seed)  # type: ignore[no-untyped-call]
    while True:
        point = engine.draw(1)[0].tolist()
        pairs = zip(point, family.ranges.items(), strict=True)
        yield Candidate(name, tuple(_between(u, r, key in family.log) for u, (key, r) in pairs))


def _usable(candidate: Candidate, num_steps: int, training: Schedule) -> bool:
    try:
        return bool(candidate.schedule(num_steps, training).gamma[-1] < LARGEST_LAST_GAMMA)
    except ValueError:
        return False


def _between(u: float, interval: Interval, log: bool) -> float:
    low, high = interval
    value = low * (high / low) ** u if log else low + (high - low) * u
    return float(f"{value:.4g}")


def key_of(*parts: object) -> str:
    """16 hex digits that name a cached result."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]
