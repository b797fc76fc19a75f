"""One cause for each picture, the one that accounts best for it, so that nothing is said twice.

A picture in BGR also looks as if it had another tone, scale and place. It is given to the first
cause that is certain (blank, the pixels of another, a copy), else to the transform that leaves
least of its error in the LR domain, and later checks look at the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.doctor.facts import Array, Facts

COPY_DB = 45.0  # above it an output is that interpolation up to rounding
HR_COPY_DB = 50.0
CLEARER = 0.5  # an explanation must at least halve the error
LEAST_MSE = 2e-5  # LR errors below it need no explanation (47 dB)
UNRELATED_MSE = 0.02  # LR-PSNR of 17 dB
RELATED = 0.5  # share of an output's variance that gains and offsets of its LR explain
A_SET = 0.5  # a share of the pictures above it speaks for the set
MATCH_BLOCK = 512  # rows of the distance matrix held at once
TRANSFORMS = ("mispaired", "flips", "channels", "tone")

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Causes:
    """Pictures by cause; no picture has two.

    Attributes:
        alone: pictures without any of them: what else is wrong is judged on these.
        nearest: index of the most similar LR that is not the picture's own.
    """

    blank: Mask
    twins: Mask
    copies_of_hr: Mask
    copies_of_lr: Mask
    gray: Mask
    mispaired: Mask
    flips: Mask
    channels: Mask
    unrelated: Mask
    alone: Mask
    nearest: NDArray[np.intp]


def assign(facts: Facts) -> Causes:
    """Give each picture to at most one cause."""
    contrast, chroma = facts.contrast, facts.chroma
    blank = (contrast[:, 0] < 0.1 * contrast[:, 1]) & (contrast[:, 1] > 0.02)
    colourless = (chroma[:, 0] < 0.1 * chroma[:, 1]) & (chroma[:, 1] > 0.01)
    twins = _twins(facts) & ~blank
    of_hr, of_lr = (copies & ~(blank | twins) for copies in _copies(facts))
    rest = ~(blank | twins | of_hr | of_lr)
    gray = rest & colourless & (facts.likeness > RELATED)
    nearest, similarity = _nearest_other(facts)
    by = _explained(facts, similarity, rest & ~gray)
    rest &= ~(gray | by["flips"] | by["channels"])
    far = rest & (facts.lr_mse > UNRELATED_MSE) & (facts.likeness < RELATED)
    mispaired, unrelated = _commoner(by["mispaired"], far)
    rest &= ~mispaired
    gray |= rest & colourless & ~unrelated
    return Causes(
        blank, twins, of_hr, of_lr, gray, mispaired, by["flips"], by["channels"], unrelated,
        alone=rest & ~(gray | unrelated), nearest=nearest,
    )  # fmt: skip


def _commoner(mispaired: Mask, far: Mask) -> tuple[Mask, Mask]:
    """Mispaired and unrelated pictures; what most of a set is takes those that could be either.

    Of other people's faces a few resemble a face of the set; of an order that is off by one, the
    last picture may have lost its own.
    """
    unrelated = far & ~mispaired
    if mispaired.mean() > A_SET:
        return mispaired | far, np.zeros_like(far)
    if unrelated.mean() > A_SET:
        return mispaired & ~far, far
    return mispaired, unrelated


def _copies(facts: Facts) -> tuple[Mask, Mask]:
    """Copies of HR, and of an interpolated LR."""
    flat = facts.hr_to_kernels.max(axis=1) > COPY_DB
    of_hr = (facts.to_hr > HR_COPY_DB) & (~flat | np.isinf(facts.to_hr))
    return of_hr, (facts.to_kernels.max(axis=1) > COPY_DB) & ~flat & ~of_hr


def _twins(facts: Facts) -> Mask:
    _, first, counts = np.unique(facts.digests, return_inverse=True, return_counts=True)
    return np.asarray(counts[first] > 1)


def _explained(facts: Facts, similarity: Array, open_: Mask) -> Mapping[str, Mask]:
    """Pictures of `open_` by the transform that leaves least of their error, at most half of it.

    Gain and offset compete, so that an inverted face is not taken for one that is turned.
    """
    own = np.maximum(facts.lr_mse, 1e-12)
    unlike = np.maximum(1 - np.abs(_correlation(facts)), 1e-9)
    left = np.stack(
        [
            (1 - similarity) / unlike,
            facts.flips.min(axis=1) / own,
            facts.channels.min(axis=1) / own,
            facts.line_mse / own,
        ],
        axis=1,
    )
    explained = (left.min(axis=1) < CLEARER) & (facts.lr_mse > LEAST_MSE) & open_
    best = left.argmin(axis=1)
    return {name: explained & (best == place) for place, name in enumerate(TRANSFORMS)}


def _correlation(facts: Facts) -> Array:
    """Of each output's thumbnail with its own LR's; no change of tone can fool it."""
    both = _standardised(facts.thumbs) * _standardised(facts.lr_thumbs)
    return np.asarray(both.sum(axis=1))


def _nearest_other(facts: Facts) -> tuple[NDArray[np.intp], Array]:
    """Index of and correlation with the most similar LR that is not the picture's own."""
    thumbs, lr_thumbs = _standardised(facts.thumbs), _standardised(facts.lr_thumbs)
    nearest, similarity = [], []
    for start in range(0, len(thumbs), MATCH_BLOCK):
        table = thumbs[start : start + MATCH_BLOCK] @ lr_thumbs.T
        rows = np.arange(len(table))
        table[rows, start + rows] = -1
        nearest.append(table.argmax(axis=1))
        similarity.append(table.max(axis=1))
    return np.concatenate(nearest), np.concatenate(similarity)


def _standardised(thumbs: Array) -> Array:
    """Rows of mean 0 and length 1; the product of two is their correlation."""
    centred = thumbs - thumbs.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9))
