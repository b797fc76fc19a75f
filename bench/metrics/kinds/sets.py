"""Set-level metrics over stored features: Frechet distance, KID and Inception score.

KID and IS are torch-fidelity's own functions on our features, so they equal its numbers exactly;
the intervals resample images, and the same seed resamples the same images for every system. Each
comes in two forms: for outputs beside HR of the same images, and (`..._of`) for two other sets.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.metrics.protocol import Features, PerSet, SetValue, TwoSets, Values
from bench.statistics import frechet
from bench.statistics.intervals import interval_of_draws, resampling_indices
from sr3.base.torchvision_guard import import_guarded

EXTRACTOR, LAYER = "inception_2015", "2048"  # of FID against reference statistics
KID_SUBSETS, KID_SUBSET_SIZE = 100, 1000  # Binkowski et al. 2018, as torch-fidelity has them
IS_SPLITS = 10
FIDELITY_SEED = 2020  # torch-fidelity's default, which shuffles IS and draws KID's subsets
GRAM_LIMIT = 4096  # images up to which KID is drawn from its whole kernel

Matrix = NDArray[np.float64]


def frechet_paired(layer: str) -> PerSet:
    """Frechet distance between a system and HR of the same images, on one layer of features."""

    def per_set(sr: Features, hr: Features, draws: int, seed: int) -> SetValue:
        value, spread = frechet.paired_bootstrap(sr[layer], hr[layer], draws, seed)
        return SetValue(value, interval_of_draws(value, spread, len(sr[layer])), spread)

    return per_set


def frechet_of(layer: str) -> Callable[[TwoSets], SetValue]:
    """Frechet distance between generated and real pictures, on one layer of features."""

    def unpaired(sets: TwoSets) -> SetValue:
        value, spread = frechet.two_samples(
            sets.generated[layer], sets.real[layer], sets.draws, sets.seed, sets.of_real
        )
        return SetValue(value, interval_of_draws(value, spread, len(sets.generated[layer])), spread)

    return unpaired


def kid_of(sets: TwoSets) -> SetValue:
    """Kernel inception distance between generated and real pictures."""
    x, y = sets.generated["2048"], sets.real["2048"]
    value = kid_value(x, y)
    spread = kid_draws_apart(x, y, sets.draws, (sets.seed, sets.of_real))
    return SetValue(value, interval_of_draws(value, spread, len(x)), spread)


def inception_score_of(sets: TwoSets) -> SetValue:
    """Inception score of the generated pictures alone."""
    return inception_score(sets.generated, sets.real, sets.draws, sets.seed)


def kid(sr: Features, hr: Features, draws: int, seed: int) -> SetValue:
    """Kernel inception distance: mean of torch-fidelity's subsets of at most 1000 images."""
    x, y = sr["2048"], hr["2048"]
    value = kid_value(x, y)
    spread = kid_draws(x, y, draws, seed)
    return SetValue(value, interval_of_draws(value, spread, len(x)), spread)


def inception_score(sr: Features, hr: Features, draws: int, seed: int) -> SetValue:
    """Inception score of the system alone; `hr` is not used."""
    logits = sr["logits_unbiased"]
    value = inception_score_value(logits)
    spread = inception_score_draws(logits, draws, seed)
    return SetValue(value, interval_of_draws(value, spread, len(logits)), spread)


def kid_options(n: int, m: int) -> Mapping[str, Any]:
    """torch-fidelity's arguments for sets of `n` and `m` images.

    A subset that holds a whole set is the same set every time, so one is enough.
    """
    size = min(KID_SUBSET_SIZE, n, m)
    subsets = KID_SUBSETS if max(n, m) > size else 1
    return {
        "kid_subset_size": size,
        "kid_subsets": subsets,
        "rng_seed": FIDELITY_SEED,
        "verbose": False,
    }


def kid_value(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    """KID by torch-fidelity over (n, d) and (m, d) features."""
    torch, metric = import_guarded("torch"), import_guarded("torch_fidelity.metric_kid")
    tensors = (torch.from_numpy(np.ascontiguousarray(f)) for f in (x, y))
    result = metric.kid_features_to_metric(*tensors, **kid_options(len(x), len(y)))
    return float(result[metric.KEY_METRIC_KID_MEAN])


def kid_draws(x: NDArray[np.float32], y: NDArray[np.float32], draws: int, seed: int) -> Values:
    """Unbiased MMD^2 over resampled images (row i of both is the same image).

    Repeats of an image count as its diagonal, which the estimator leaves out. Above GRAM_LIMIT
    images the kernel is that of the first ones, and the spread is scaled by the root of the share.
    """
    n = min(len(x), GRAM_LIMIT)
    first, second = (np.asarray(f[:n], dtype=np.float64) for f in (x, y))
    within = cubic(first, first) + cubic(second, second)
    np.fill_diagonal(within, 0.0)
    across = cubic(first, second)
    counts = _counts(n, draws, seed)
    pairs = n * n - np.square(counts).sum(axis=1)
    within_sums = np.einsum("dn,dn->d", counts @ within, counts)
    across_sums = np.einsum("dn,dn->d", counts @ across, counts)
    estimates: Values = within_sums / pairs - 2 * across_sums / n**2
    centre = estimates.mean()
    return np.asarray(centre + (estimates - centre) * np.sqrt(n / len(x)))


def kid_draws_apart(
    x: NDArray[np.float32], y: NDArray[np.float32], draws: int, seeds: tuple[int, int]
) -> Values:
    """`kid_draws` of two sets that are not pairs, each resampled by its own seed."""
    sets = [np.asarray(f[:GRAM_LIMIT], dtype=np.float64) for f in (x, y)]
    counts = [_counts(len(f), draws, seed) for f, seed in zip(sets, seeds, strict=True)]
    estimates = np.zeros(draws)
    for rows, times in zip(sets, counts, strict=True):
        within = cubic(rows, rows)
        np.fill_diagonal(within, 0.0)
        pairs = len(rows) ** 2 - np.square(times).sum(axis=1)
        estimates += np.einsum("dn,dn->d", times @ within, times) / pairs
    across = np.einsum("dn,dn->d", counts[0] @ cubic(*sets), counts[1])
    estimates -= 2 * across / (len(sets[0]) * len(sets[1]))
    share = max(len(rows) / len(f) for rows, f in zip(sets, (x, y), strict=True))
    centre = estimates.mean()
    return np.asarray(centre + (estimates - centre) * np.sqrt(share))


def _counts(n: int, draws: int, seed: int) -> Matrix:
    rows = resampling_indices(n, draws, seed)
    return np.stack([np.bincount(row, minlength=n) for row in rows]).astype(np.float64)


def cubic(x: Matrix, y: Matrix) -> Matrix:
    """The kernel of KID, (x . y / d + 1)^3."""
    return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)


def inception_score_value(logits: NDArray[np.float32]) -> float:
    """IS by torch-fidelity over (n, 1008) logits in 10 splits."""
    torch, metric = import_guarded("torch"), import_guarded("torch_fidelity.metric_isc")
    tensor = torch.from_numpy(np.ascontiguousarray(logits))
    result = metric.isc_features_to_metric(tensor, IS_SPLITS, True, FIDELITY_SEED)
    return float(result[metric.KEY_METRIC_ISC_MEAN])


def inception_score_draws(logits: NDArray[np.float32], draws: int, seed: int) -> Values:
    """IS over resampled images, each resample cut into 10 splits."""
    log_p = _log_softmax(logits)
    p = np.exp(log_p)
    negative_entropy = (p * log_p).sum(axis=1)
    n = len(p)
    ends = [split * n // IS_SPLITS for split in range(IS_SPLITS + 1)]
    result = np.empty(draws)
    for draw, row in enumerate(resampling_indices(n, draws, seed)):
        chunks = [row[a:b] for a, b in pairwise(ends)]
        shares = np.stack([np.bincount(c, minlength=n) / len(c) for c in chunks])
        marginal = shares @ p
        entropy = (marginal * np.log(np.maximum(marginal, np.finfo(float).tiny))).sum(axis=1)
        result[draw] = np.exp(shares @ negative_entropy - entropy).mean()
    return result


def _log_softmax(logits: NDArray[np.float32]) -> Matrix:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
