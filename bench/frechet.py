"""Frechet distance between two sets of features, with bootstrap draws that one can afford.

For centred features Xc (n, d) and Yc (m, d) with covariances S1, S2, the term tr sqrt(S1 S2) is the
nuclear norm of Xc Yc^T / sqrt((n - 1)(m - 1)), because S1 S2 and the squared singular values of
that matrix share their non-zero eigenvalues. It needs no d x d matrix and no matrix square root.
The distance is that of Heusel et al. (2017), equation 6, with unbiased covariances.

Resampling images only reweights the Gram matrices of the features, so a draw costs an n x n
singular value problem whatever d is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from bench.statistics import resampling_indices

GRAM_LIMIT = 4096  # images up to which draws go through n x n Gram matrices
BLOCK = 8192  # rows turned into float64 at once
EPSILON = float(np.finfo(np.float64).eps)
TINY = float(np.finfo(np.float64).tiny)
RELATIVE_ERROR = 1e-6  # of a distance, above which the exact singular values are taken

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Gaussian:
    """Mean (d,) and a root (r, d) of the covariance: covariance = root.T @ root."""

    mean: Array
    root: Array
    n: int

    @property
    def trace(self) -> float:
        """Trace of the covariance."""
        return float(np.square(self.root).sum())


def fit(features: ArrayLike, weights: ArrayLike | None = None) -> Gaussian:
    """Gaussian of features (n, d) with unbiased covariance; `weights` count repeated rows.

    Raises:
        ValueError: fewer than two rows, or values that are not finite.
    """
    rows = np.asarray(features)
    counts = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
    total = counts.sum()
    if rows.ndim != 2 or total < 2:
        raise ValueError(f"found features of shape {rows.shape}, wanted (n, d) with n >= 2")
    mean = _weighted_mean(rows, counts)
    if not np.isfinite(mean).all():
        raise ValueError("found features that are inf or NaN")
    if len(rows) <= rows.shape[1]:
        root = (rows - mean) * np.sqrt(counts / (total - 1))[:, None]
    else:
        root = _root_of(_covariance(rows, counts, mean))
    return Gaussian(mean, root, int(total))


def from_moments(mean: ArrayLike, covariance: ArrayLike, n: int) -> Gaussian:
    """Gaussian of published reference statistics (mean and covariance over `n` images)."""
    return Gaussian(
        np.asarray(mean, dtype=np.float64), _root_of(np.asarray(covariance, dtype=np.float64)), n
    )


def distance(a: Gaussian, b: Gaussian) -> float:
    """Squared Frechet distance between two Gaussians."""
    if a.mean.shape != b.mean.shape:
        raise ValueError(f"found features of {a.mean.size} and {b.mean.size} values, wanted equal")
    gap = a.mean - b.mean
    return _less_shared(float(gap @ gap) + a.trace + b.trace, a.root @ b.root.T)


def frechet(x: ArrayLike, y: ArrayLike) -> float:
    """Squared Frechet distance between features (n, d) and (m, d)."""
    return distance(fit(x), fit(y))


def paired_bootstrap_draws(x: ArrayLike, y: ArrayLike, draws: int, seed: int) -> Array:
    """Distances over resampled images, where row i of `x` and of `y` are the same image.

    Returns:
        (draws,); the same (n, draws, seed) resamples the same images for every system.
    """
    first, second = np.asarray(x), np.asarray(y)
    if first.shape != second.shape:
        raise ValueError(f"found shapes {first.shape} and {second.shape}, wanted pairs of rows")
    counts = _counts(len(first), draws, seed)
    if len(first) > GRAM_LIMIT:
        pairs = ((fit(first, c), fit(second, c)) for c in counts)
        return np.array([distance(a, b) for a, b in pairs])
    grams = _Grams.of(first, second)
    return np.array([grams.distance(c) for c in counts])


def bootstrap_draws(x: ArrayLike, reference: Gaussian, draws: int, seed: int) -> Array:
    """Distances (draws,) to a fixed reference over resampled rows of `x`."""
    rows = np.asarray(x)
    return np.array(
        [distance(fit(*_kept(rows, c)), reference) for c in _counts(len(rows), draws, seed)]
    )


@dataclass(frozen=True)
class _Grams:
    """Inner products of two feature sets about a common origin: all that a draw needs."""

    xx: Array  # (n,) squared norms
    yy: Array
    x_x: Array  # (n, n)
    y_y: Array
    x_y: Array

    @classmethod
    def of(cls, x: ArrayLike, y: ArrayLike) -> "_Grams":
        first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        origin = (first.mean(axis=0) + second.mean(axis=0)) / 2  # keeps cancellation small
        first, second = first - origin, second - origin
        x_x, y_y = first @ first.T, second @ second.T
        return cls(x_x.diagonal(), y_y.diagonal(), x_x, y_y, first @ second.T)

    def distance(self, counts: Array) -> float:
        """Distance over the images drawn `counts` times."""
        kept = np.flatnonzero(counts)
        share = counts[kept] / counts.sum()
        cross = self.x_y[np.ix_(kept, kept)]
        means = _MeanProducts.of(self, kept, share, cross)
        centred = cross - (share @ cross) - (cross @ share)[:, None] + means.x_y
        scale = np.sqrt(counts[kept] / (counts.sum() - 1))
        spread = share @ (self.xx[kept] + self.yy[kept]) - means.x_x - means.y_y
        traces = float(spread) * counts.sum() / (counts.sum() - 1)
        apart = means.x_x + means.y_y - 2 * means.x_y + traces
        return _less_shared(apart, scale[:, None] * centred * scale)


@dataclass(frozen=True)
class _MeanProducts:
    """Inner products of the two resampled means."""

    x_x: float
    y_y: float
    x_y: float

    @classmethod
    def of(
        cls, grams: _Grams, kept: NDArray[np.intp], share: Array, cross: Array
    ) -> "_MeanProducts":
        grid = np.ix_(kept, kept)
        return cls(
            float(share @ grams.x_x[grid] @ share),
            float(share @ grams.y_y[grid] @ share),
            float(share @ cross @ share),
        )


def _less_shared(apart: float, cross: Array) -> float:
    """`apart` minus twice the nuclear norm of `cross`.

    Singular values from the eigenvalues of cross cross^T take half the time of a singular value
    decomposition but lose the small ones; where the loss could matter the slow way is taken.
    """
    small = cross if cross.shape[0] <= cross.shape[1] else cross.T
    values = linalg.eigvalsh(small @ small.T, check_finite=False, overwrite_a=True).clip(min=0)
    roots = np.sqrt(values)
    blur = EPSILON * np.sqrt(len(values)) * values[-1]
    error = np.minimum(np.sqrt(blur), blur / (2 * np.maximum(roots, TINY))).sum()
    result = apart - 2 * float(roots.sum())
    if 2 * error <= RELATIVE_ERROR * abs(result):
        return result
    return apart - 2 * float(linalg.svdvals(small, check_finite=False).sum())


def _counts(n: int, draws: int, seed: int) -> list[Array]:
    indices = resampling_indices(n, draws, seed)
    return [np.bincount(row, minlength=n).astype(np.float64) for row in indices]


def _kept(rows: NDArray[np.float32], counts: Array) -> tuple[NDArray[np.float32], Array]:
    kept = np.flatnonzero(counts)
    return rows[kept], counts[kept]


def _weighted_mean(rows: NDArray[np.float32], counts: Array) -> Array:
    blocks = range(0, len(rows), BLOCK)
    sums = [counts[i : i + BLOCK] @ rows[i : i + BLOCK].astype(np.float64) for i in blocks]
    return np.asarray(np.sum(sums, axis=0) / counts.sum())


def _covariance(rows: NDArray[np.float32], counts: Array, mean: Array) -> Array:
    covariance = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK] - mean
        covariance += block.T @ (block * counts[start : start + BLOCK, None])
    return np.asarray(covariance / (counts.sum() - 1))


def _root_of(covariance: Array) -> Array:
    """Root by eigenvalues: works on singular matrices, where Cholesky does not."""
    values, vectors = linalg.eigh(covariance, check_finite=False)
    return np.asarray((vectors * np.sqrt(np.clip(values, 0, None))).T)
