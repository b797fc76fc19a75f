"""The crossed mixed model beside the headline: a logistic regression with two random effects.

logit P(fooled) = m + u_participant + v_image; the population's rate is the mean of expit over
both normal effects. Spreads by maximum likelihood with Laplace's approximation (as R's
lme4::glmer), whose curvature also gives the error of m. `statsmodels_rate` fits the same model by
statsmodels' variational Bayes as a second opinion: its spreads agree, its error of m is two to
three times too small (mean-field), and its own Laplace fit does not converge on such data.
A check, not the headline: the interval leans on the model (normal effects, no interaction).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from scipy.sparse.linalg import splu
from scipy.special import expit
from scipy.stats import norm
from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

Floats = NDArray[np.float64]

# Spreads are sought between exp(-4) = 0.02, no spread to speak of, and exp(2) = 7 logits.
_BOUNDS = ((-4.0, 2.0), (-4.0, 2.0))


@dataclass(frozen=True)
class MixedRate:
    """Population fool rate by the mixed model with its interval, 0..1, and spreads in logits."""

    method: str
    rate: float
    low: float
    high: float
    participant_sd: float
    image_sd: float


@dataclass(frozen=True)
class _Data:
    """Answers y (n,), design (n, 1 + S + I) with the intercept first, and sizes (S, I)."""

    y: Floats
    design: sparse.csr_matrix
    sizes: NDArray[np.int64]


def mixed_rate(rows: pd.DataFrame, level: float = 0.95) -> MixedRate | None:
    """Fit one system's rows; None for one participant, one image or equal answers."""
    data = _data(rows)
    if data is None:
        return None
    start = np.log([0.5, 0.5])
    fit = minimize(lambda s: _laplace(data, s)[0], start, method="L-BFGS-B", bounds=_BOUNDS)
    _, middle, curvature = _laplace(data, fit.x)
    first = np.eye(1, curvature.shape[0])[0]
    error = float(np.sqrt(splu(curvature).solve(first)[0]))
    return _population("Laplace maximum likelihood", middle, error, np.exp(fit.x), level)


def statsmodels_rate(rows: pd.DataFrame, level: float = 0.95) -> MixedRate | None:
    """The same by statsmodels' variational Bayes, with its weak log-normal priors on spreads."""
    data = _data(rows)
    if data is None:
        return None
    effects = data.design[:, 1:]
    fit = BinomialBayesMixedGLM(
        data.y, np.ones((len(data.y), 1)), effects, np.repeat([0, 1], data.sizes)
    ).fit_vb()
    spreads = np.exp(fit.vcp_mean)
    return _population(
        "statsmodels variational Bayes", float(fit.fe_mean[0]), float(fit.fe_sd[0]), spreads, level
    )


def _data(rows: pd.DataFrame) -> _Data | None:
    people, images = (pd.Categorical(rows[name]) for name in ("participant", "image"))
    y = rows["fooled"].to_numpy(dtype=float)
    sizes = np.array([len(people.categories), len(images.categories)])
    if sizes.min() < 2 or y.min() == y.max():
        return None
    blocks = [np.ones((len(y), 1)), _indicators(people), _indicators(images)]
    return _Data(y, sparse.hstack(blocks).tocsr(), sizes)


def _indicators(names: pd.Categorical) -> sparse.csr_matrix:
    shape = (len(names), len(names.categories))
    return sparse.csr_matrix((np.ones(len(names)), (np.arange(len(names)), names.codes)), shape)


def _laplace(data: _Data, log_spreads: Floats) -> tuple[float, float, sparse.csc_matrix]:
    """Negative log likelihood by Laplace, the intercept, and the curvature at the mode.

    Sparse LU: the curvature is mostly empty, and dense LAPACK's threads stall on a busy machine.
    """
    penalty = np.concatenate([[0.0], np.repeat(np.exp(-2 * log_spreads), data.sizes)])
    effects = np.zeros(len(penalty))
    for _ in range(50):  # Newton's method on a concave penalised likelihood
        curvature = _curvature(data, effects, penalty)
        gradient = data.design.T @ (data.y - expit(data.design @ effects)) - penalty * effects
        step = splu(curvature).solve(gradient)
        effects = effects + step
        if np.abs(step).max() < 1e-8:
            break
    logits = data.design @ effects
    fit = data.y @ logits - np.logaddexp(0, logits).sum() - penalty @ effects**2 / 2
    determinant = np.log(np.abs(splu(curvature[1:, 1:].tocsc()).U.diagonal())).sum()
    volume = determinant + 2 * log_spreads @ data.sizes
    return float(volume / 2 - fit), float(effects[0]), curvature


def _curvature(data: _Data, effects: Floats, penalty: Floats) -> sparse.csc_matrix:
    chance = expit(data.design @ effects)
    weighted = data.design.multiply((chance * (1 - chance))[:, None])
    return sparse.csc_matrix(data.design.T @ weighted + sparse.diags(penalty))


def _population(
    method: str, middle: float, error: float, spreads: Floats, level: float
) -> MixedRate:
    half = float(norm.ppf((1 + level) / 2)) * error
    low, rate, high = (_marginal(middle + step, spreads) for step in (-half, 0.0, half))
    return MixedRate(method, rate, low, high, float(spreads[0]), float(spreads[1]))


def _marginal(middle: float, spreads: Floats) -> float:
    nodes, weights = np.polynomial.hermite_e.hermegauss(64)
    return float(weights @ expit(middle + np.hypot(*spreads) * nodes) / weights.sum())
