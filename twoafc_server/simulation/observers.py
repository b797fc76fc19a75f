"""Observers whose true fool rate is known: crossed normal spreads on the logit scale.

A participant s choosing between the reference and a system's output for image i picks the
output with probability `(1 - lapse) expit(mu + u_s + v_i +- side_bias) + lapse / 2`, where
u_s and v_i are normal with the given spreads. `mu` is solved such that the mean over all
participants, images and both sides is exactly the requested rate, so an interval for the
population's fool rate can be checked against the truth.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from twoafc_server.base.errors import InputError

Floats = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(64)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True)
class Observers:
    """A population of observers.

    The default spreads reproduce the detectable differences that the study document gives for
    the paper's size: 6.8 points against 50 %, 8.9 between systems, 4.4 within participants.

    Attributes:
        participant_sd: spread between participants, logits.
        image_sd: spread between images, logits.
        shared: correlation, between systems, of one participant's effect and of one image's, 0..1.
        side_bias: logits added when the model is on the left, taken off when on the right.
        lapse: share of trials answered by a coin, 0..1.
        abandonment: share of participants who leave for good at a uniformly random trial, 0..1.
        double_arrival: share of participants who try to take part a second time, 0..1.
    """

    participant_sd: float = 0.63
    image_sd: float = 0.42
    shared: float = 0.9
    side_bias: float = 0.0
    lapse: float = 0.0
    abandonment: float = 0.0
    double_arrival: float = 0.0

    def __post_init__(self) -> None:
        for name in ("participant_sd", "image_sd"):
            if not 0 <= getattr(self, name) <= 10:
                raise InputError(f"found {name} {getattr(self, name)}, wanted 0 to 10 logits")
        for name in ("shared", "lapse", "abandonment", "double_arrival"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"found {name} {getattr(self, name)}, wanted a share from 0 to 1")

    @property
    def total_sd(self) -> float:
        """Spread of one answer's logit over participants and images."""
        return float(np.hypot(self.participant_sd, self.image_sd))


def probability(logit: Floats, lapse: float) -> Floats:
    """Probability of choosing the model's output at `logit`, with lapses answered by a coin."""
    return np.asarray((1 - lapse) * expit(logit) + lapse / 2)


def population_rate(mu: float, observers: Observers) -> float:
    """Fool rate in 0..1 over all participants, images and both sides, by quadrature."""
    spread = mu + observers.total_sd * _NODES
    sides = (spread + observers.side_bias, spread - observers.side_bias)
    return float(np.mean([_WEIGHTS @ probability(side, observers.lapse) for side in sides]))


def solve_mu(rate: float, observers: Observers) -> float:
    """The logit `mu` at which the population's fool rate is `rate`.

    Raises:
        InputError: lapses alone put the rate outside what was asked for.
    """
    floor = observers.lapse / 2
    if not floor < rate < 1 - floor:
        raise InputError(
            f"found true rate {rate} with lapse {observers.lapse}, wanted a rate above "
            f"{floor:g} and below {1 - floor:g}: lapses are answered by a coin"
        )
    bound = 40 + 10 * observers.total_sd + abs(observers.side_bias)
    return float(brentq(lambda mu: population_rate(mu, observers) - rate, -bound, bound))


@dataclass(frozen=True)
class Components:
    """Variances of one answer (0 or 1) on the probability scale; they add up to p (1 - p)."""

    participant: float
    image: float
    residual: float


def components(rate: float, observers: Observers) -> Components:
    """Variance components that `observers` imply at the true `rate`, by nested quadrature."""
    mu = solve_mu(rate, observers)
    participant = _conditional_variance(mu, observers.participant_sd, observers.image_sd, observers)
    image = _conditional_variance(mu, observers.image_sd, observers.participant_sd, observers)
    return Components(participant, image, rate * (1 - rate) - participant - image)


def _conditional_variance(mu: float, own: float, other: float, observers: Observers) -> float:
    logits = mu + own * _NODES[:, None] + other * _NODES[None, :]
    sides = (logits + observers.side_bias, logits - observers.side_bias)
    means = np.mean([probability(side, observers.lapse) @ _WEIGHTS for side in sides], axis=0)
    return float(_WEIGHTS @ means**2 - (_WEIGHTS @ means) ** 2)


def spreads_from(rate: float, participant: float, image: float) -> Observers:
    """Observers whose probability-scale variances are those of a pilot; negative ones count as 0.

    Raises:
        InputError: the variances together reach p (1 - p), so no population has them.
    """
    targets = np.maximum([participant, image], 0.0)
    if not 0 < rate < 1 or targets.sum() >= 0.9 * rate * (1 - rate):
        raise InputError(
            f"found pilot rate {rate:.3f} with variances {participant:.4f} (participants) and "
            f"{image:.4f} (images), wanted a rate inside 0..1 and variances well below p (1 - p)"
        )
    sds = np.sqrt(targets) / (rate * (1 - rate))
    for _ in range(200):  # fixed point: each spread scales with the root of its variance
        found = components(rate, Observers(participant_sd=sds[0], image_sd=sds[1]))
        ratio = np.array([found.participant, found.image])
        step = np.sqrt(np.divide(targets, ratio, out=np.zeros(2), where=ratio > 1e-15))
        sds = np.minimum(sds * step, 9.9)
        if np.all(np.abs(step - 1)[targets > 0] < 1e-7):
            break
    return Observers(participant_sd=float(sds[0]), image_sd=float(sds[1]))
