"""Frechet distance between two sets of features, with bootstrap draws that cost next to nothing.

For centred features Xc (n, d) and Yc (m, d) with covariances S1, S2, the term tr sqrt(S1 S2) is the
nuclear norm of Xc Yc^T / sqrt((n - 1)(m - 1)), because S1 S2 and the squared singular values of
that matrix share their non-zero eigenvalues. It needs no d x d matrix and no matrix square root.
The distance is that of Heusel et al. (2017), equation 6, with unbiased covariances.

The distance is smooth in the weight of each image, so a draw takes its tangent: the value plus the
mean influence of the images drawn (the infinitesimal jackknife, Efron 1982). Resampling itself
repeats images, which lowers the rank of a covariance and makes the spread too wide; the tangent has
no such repeats (measured by benchmarks/frechet_spread.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from bench.statistics.intervals import resampling_indices

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


def fit(features: ArrayLike) -> Gaussian:
    """Gaussian of features (n, d) with unbiased covariance.

    Raises:
        ValueError: fewer than two rows, or values that are not finite.
    """
    rows = np.asarray(features)
    if rows.ndim != 2 or len(rows) < 2:
        raise ValueError(f"found features of shape {rows.shape}, wanted (n, d) with n >= 2")
    mean = np.sum([block.sum(axis=0) for block in _blocks(rows)], axis=0) / len(rows)
    if not np.isfinite(mean).all():
        raise ValueError("found features that are inf or NaN")
    if len(rows) <= rows.shape[1]:
        root = (rows - mean) / np.sqrt(len(rows) - 1)
    else:
        squares = np.zeros((rows.shape[1], rows.shape[1]))
        for block in _blocks(rows, mean):
            squares += block.T @ block
        root = _root_of(squares / (len(rows) - 1))
    return Gaussian(mean, root, len(rows))


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


def paired_bootstrap(x: ArrayLike, y: ArrayLike, draws: int, seed: int) -> tuple[float, Array]:
    """The distance of two sets and its draws, where row i of `x` and of `y` are the same image.

    Returns:
        The value and (draws,); the same (n, draws, seed) resamples the same images for every
        system.
    """
    first, second = np.asarray(x), np.asarray(y)
    if first.shape != second.shape:
        raise ValueError(f"found shapes {first.shape} and {second.shape}, wanted pairs of rows")
    a, b = fit(first), fit(second)
    influence = _influence(first, a, b) + _influence(second, b, a)
    value = distance(a, b)
    return value, _drawn(value, influence, draws, seed)


def two_samples(
    x: ArrayLike, y: ArrayLike, draws: int, seed: int, other: int
) -> tuple[float, Array]:
    """The distance of two sets of other images and its draws, each set resampled by its own seed.

    Two systems beside one `y` share `other`, so what `y` contributes drops out of their difference.
    """
    first, second = np.asarray(x), np.asarray(y)
    a, b = fit(first), fit(second)
    value = distance(a, b)
    of_x = _drawn(value, _influence(first, a, b), draws, seed)
    return value, of_x + _drawn(0.0, _influence(second, b, a), draws, other)


def bootstrap(x: ArrayLike, reference: Gaussian, draws: int, seed: int) -> tuple[float, Array]:
    """The distance to a fixed reference and its draws (draws,) over resampled rows of `x`."""
    rows = np.asarray(x)
    own = fit(rows)
    value = distance(own, reference)
    return value, _drawn(value, _influence(rows, own, reference), draws, seed)


def _influence(rows: NDArray[np.float32], own: Gaussian, other: Gaussian) -> Array:
    """Influence (n,) of each row of `own` on its distance to `other`; the mean is 0.

    With m the mean, S the covariance of n rows and T the optimal transport of `own` to `other`,
    row x has 2 (x - m)(m - m') + (x - m)^T (1 - T) (x - m) n / (n - 1), less the mean of all rows.
    """
    cross = own.root @ other.root.T
    values, vectors = linalg.eigh(cross @ cross.T, check_finite=False, overwrite_a=True)
    values = np.sqrt(values.clip(min=0))
    gap, parts = 2 * (own.mean - other.mean), []
    whiten = None if len(rows) <= rows.shape[1] else _inverse_of(own.root)
    for start, block in zip(range(0, len(rows), BLOCK), _blocks(rows, own.mean), strict=True):
        if whiten is None:  # the root holds the rows themselves
            inside = vectors[start : start + BLOCK] * np.sqrt(own.n - 1)
        else:
            inside = (block @ whiten) @ vectors
        bent = np.square(block).sum(axis=1) - np.square(inside) @ values
        parts.append(block @ gap + bent * own.n / (own.n - 1))
    influence = np.concatenate(parts)
    return np.asarray(influence - influence.mean())


def _drawn(value: float, influence: Array, draws: int, seed: int) -> Array:
    indices = resampling_indices(len(influence), draws, seed)
    return np.array([value + influence[row].mean() for row in indices])


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


def _blocks(rows: NDArray[np.float32], origin: Array | float = 0.0) -> Iterator[Array]:
    """Rows about an origin in float64, a block at a time: features may be a mapped file."""
    for start in range(0, len(rows), BLOCK):
        yield rows[start : start + BLOCK].astype(np.float64) - origin


def _root_of(covariance: Array) -> Array:
    """Root by eigenvalues: works on singular matrices, where Cholesky does not."""
    values, vectors = linalg.eigh(covariance, check_finite=False)
    return np.asarray((vectors * np.sqrt(np.clip(values, 0, None))).T)


def _inverse_of(root: Array) -> Array:
    """(d, d) that takes centred rows to coordinates of unit variance; empty directions to 0."""
    lengths = np.square(root).sum(axis=1)  # rows of `_root_of` are orthogonal
    kept = lengths > EPSILON * len(root) * lengths.max()
    return np.asarray((root * (kept / np.where(kept, lengths, 1.0))[:, None]).T)
