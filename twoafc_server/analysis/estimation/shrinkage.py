"""Per-image and per-participant rates, raw and shrunken towards what all have in common.

A rate from 25 raters is mostly chance: with a true 50 % everywhere the best and the worst of 100
images show about 74 and 26 %. Shrinkage is empirical Bayes with a beta-binomial model; its prior
is fitted by maximum likelihood over all images of a system.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, expit, logit
from scipy.stats import beta, binom

Floats = NDArray[np.float64]

# Above this precision the prior's spread is under 1.6 points: the images cannot be told apart.
_MAX_PRECISION = 1000.0


@dataclass(frozen=True)
class Prior:
    """Beta prior of the rates: its mean in 0..1 and its precision a + b, in answers."""

    mean: float
    precision: float

    @property
    def distinguishable(self) -> bool:
        """False where the data show no more spread than chance gives."""
        return self.precision < 0.95 * _MAX_PRECISION


def fit_prior(fooled: Floats, count: Floats) -> Prior:
    """Maximum-likelihood beta prior of `fooled` of `count` answers per unit, both (units,)."""
    mean = float(np.clip(fooled.sum() / count.sum(), 1e-6, 1 - 1e-6))

    def loss(parameters: Floats) -> float:
        centre, precision = expit(parameters[0]), np.exp(parameters[1])
        a, b = centre * precision, (1 - centre) * precision
        return -float((betaln(fooled + a, count - fooled + b) - betaln(a, b)).sum())

    bounds = [(-14.0, 14.0), (np.log(0.05), np.log(_MAX_PRECISION))]
    starts = ([logit(mean), np.log(precision)] for precision in (2.0, 20.0, 200.0))
    fits = [minimize(loss, start, method="L-BFGS-B", bounds=bounds) for start in starts]
    best = min(fits, key=lambda fit: fit.fun)
    precision = float(np.exp(best.x[1]))
    return Prior(float(expit(best.x[0])), min(precision, _MAX_PRECISION))


@dataclass(frozen=True)
class Shrunken:
    """Posterior of each unit's rate, arrays (units,): its mean and central interval, 0..1."""

    rate: Floats
    low: Floats
    high: Floats


def shrink(fooled: Floats, count: Floats, prior: Prior, level: float = 0.95) -> Shrunken:
    """Pull each raw rate towards the prior's mean by as much as its few answers deserve."""
    a = prior.mean * prior.precision + fooled
    b = (1 - prior.mean) * prior.precision + count - fooled
    tail = (1 - level) / 2
    return Shrunken(a / (a + b), beta.ppf(tail, a, b), beta.ppf(1 - tail, a, b))


def chance_range(rate: float, count: Floats) -> tuple[float, float]:
    """Expected lowest and highest raw rate if every unit's true rate were `rate`.

    count: answers of each unit, (units,), 1 or more each.
    """
    levels = np.linspace(0, 1, 2001)
    # E[max] is the integral of P(max > x); the minimum likewise by P(min >= x).
    hits = levels[:, None] * count
    below = binom.cdf(np.floor(hits + 1e-9), count, rate)
    reach = binom.sf(np.ceil(hits - 1e-9) - 1, count, rate)
    highest = np.trapezoid(1 - below.prod(axis=1), levels)
    lowest = np.trapezoid(reach.prod(axis=1), levels)
    return float(lowest), float(highest)
