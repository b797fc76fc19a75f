"""The Frechet distance against scipy's matrix square root and torch-fidelity."""

import numpy as np
import pytest
from scipy import linalg

from bench.statistics import frechet
from sr3.base.torchvision_guard import import_guarded


def features(n: int, d: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Correlated, skewed, non-negative features such as pooled ReLU outputs."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(d, d)) * np.exp(-np.arange(d) / (d / 4))
    return np.maximum(rng.normal(size=(n, d)) @ mixing.T + shift, 0).astype(np.float32)


def by_matrix_square_root(x: np.ndarray, y: np.ndarray) -> float:
    first, second = x.astype(np.float64), y.astype(np.float64)
    s1, s2 = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    gap = first.mean(0) - second.mean(0)
    return gap @ gap + np.trace(s1) + np.trace(s2) - 2 * np.trace(linalg.sqrtm(s1 @ s2)).real


@pytest.mark.parametrize(
    ("n", "m", "d"), [(40, 40, 96), (30, 50, 96), (300, 200, 24), (20, 90, 40)]
)
def test_agrees_with_the_matrix_square_root(n, m, d):
    x, y = features(n, d, 0), features(m, d, 1, shift=0.3)
    assert frechet.frechet(x, y) == pytest.approx(by_matrix_square_root(x, y), rel=1e-4)


@pytest.mark.parametrize(("n", "d"), [(60, 128), (400, 32)])
def test_agrees_with_torch_fidelity(n, d):
    fid = import_guarded("torch_fidelity.metric_fid")
    torch = import_guarded("torch")
    x, y = features(n, d, 2), features(n, d, 3, shift=0.2)
    stats = [fid.fid_features_to_statistics(torch.from_numpy(f.astype(np.float64))) for f in (x, y)]
    theirs = fid.fid_statistics_to_metric(*stats, verbose=False)[fid.KEY_METRIC_FID]
    assert frechet.frechet(x, y) == pytest.approx(theirs, rel=1e-4)


def test_known_gaussians_in_one_dimension():
    x = np.array([[-1.0], [1.0]], dtype=np.float32)  # mean 0, variance 2
    y = np.array([[0.0], [6.0]], dtype=np.float32)  # mean 3, variance 18
    assert frechet.frechet(x, y) == pytest.approx(9 + 2 + 18 - 2 * 6)


def test_a_set_is_at_distance_zero_of_itself_in_any_order():
    x = features(50, 80, 4)
    scale = frechet.fit(x).trace
    assert abs(frechet.frechet(x, x[::-1])) < 1e-6 * scale


def test_the_fast_and_the_exact_way_agree(monkeypatch):
    x, y = features(60, 100, 5), features(60, 100, 6)
    fast = frechet.frechet(x, y)
    monkeypatch.setattr(frechet, "RELATIVE_ERROR", 0.0)
    assert frechet.frechet(x, y) == pytest.approx(fast, rel=1e-6)


def test_published_moments_serve_as_reference():
    x, y = features(40, 64, 8), features(200, 64, 9)
    moments = y.astype(np.float64).mean(0), np.cov(y.astype(np.float64), rowvar=False)
    reference = frechet.from_moments(*moments, n=200)
    assert frechet.distance(frechet.fit(x), reference) == pytest.approx(frechet.frechet(x, y))


def weighted(x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance where row i counts `weights[i]`, with the factor n / (n - 1)."""
    share, n = weights / weights.sum(), len(x)
    mean = share @ x.astype(np.float64)
    centred = x - mean
    return mean, (centred * share[:, None]).T @ centred * n / (n - 1)


def slopes(distance_of, n: int) -> np.ndarray:
    """Influence of each row by central differences in its weight."""
    step, found = 1e-4, []
    for row in range(n):
        ends = []
        for sign in (1, -1):
            weights = np.ones(n)
            weights[row] += sign * step * n
            ends.append(distance_of(weights))
        found.append((ends[0] - ends[1]) / (2 * step))
    return np.array(found)


def drawn(influence: np.ndarray, draws: int, seed: int) -> np.ndarray:
    rows = frechet.resampling_indices(len(influence), draws, seed)
    return np.array([influence[row].mean() for row in rows])


def close_draws(found: np.ndarray, wanted: np.ndarray) -> None:
    """Differences of a square root near 0 are good to four digits of the spread."""
    np.testing.assert_allclose(found, wanted, atol=1e-3 * wanted.std())


@pytest.mark.parametrize(("n", "d"), [(12, 40), (60, 8)])
def test_draws_follow_the_slope_of_the_distance_in_each_picture_s_weight(n, d):
    x, y = features(n, d, 10), features(n, d, 11, shift=0.1)
    reference = frechet.fit(features(90, d, 12))

    def pair(weights):
        return frechet.distance(*(frechet.from_moments(*weighted(f, weights), n) for f in (x, y)))

    def alone(weights):
        return frechet.distance(frechet.from_moments(*weighted(x, weights), n), reference)

    value, draws = frechet.paired_bootstrap(x, y, 20, seed=3)
    assert value == pytest.approx(frechet.frechet(x, y), rel=1e-9)
    close_draws(draws - value, drawn(slopes(pair, n), 20, 3))
    value, draws = frechet.bootstrap(x, reference, 20, seed=3)
    assert value == pytest.approx(frechet.distance(frechet.fit(x), reference), rel=1e-9)
    close_draws(draws - value, drawn(slopes(alone, n), 20, 3))


def test_many_rows_are_read_in_blocks_to_the_same_draws(monkeypatch):
    for n, d in ((30, 60), (90, 20)):
        x, y = features(n, d, 13), features(n, d, 14)
        value, draws = frechet.paired_bootstrap(x, y, 5, seed=0)
        monkeypatch.setattr(frechet, "BLOCK", 16)
        again = frechet.paired_bootstrap(x, y, 5, seed=0)
        assert again[0] == pytest.approx(value)
        np.testing.assert_allclose(again[1], draws)


def test_features_that_are_constant_or_copied_do_not_upset_the_draws():
    x = features(90, 20, 15)
    x[:, 3] = 1.0
    y = np.concatenate([features(90, 20, 16)[:, :10], x[:, 10:]], axis=1)
    _, draws = frechet.paired_bootstrap(x, y, 50, seed=0)
    assert np.isfinite(draws).all()
    value, draws = frechet.paired_bootstrap(x, x, 50, seed=0)
    assert abs(draws - value).max() < 1e-6 * frechet.fit(x).trace


@pytest.mark.parametrize(("n", "d"), [(50, 100), (120, 30)])
def test_spread_of_the_draws_is_that_of_new_samples(n, d):
    def pair(seed):
        x = features(n, d, seed)
        return x, x + features(n, d, seed + 10_000, shift=0.1) / 2

    anew = np.std([frechet.frechet(*pair(seed)) for seed in range(100, 400)])
    spread = np.mean([frechet.paired_bootstrap(*pair(s), 200, 0)[1].std() for s in range(20)])
    assert 0.85 < spread / anew < 1.2


@pytest.mark.parametrize("bad", [np.zeros((1, 4)), np.zeros(4), np.full((3, 4), np.nan)])
def test_unusable_features_are_refused(bad):
    with pytest.raises(ValueError, match="found features"):
        frechet.fit(bad)


def test_features_of_different_extractors_are_refused():
    with pytest.raises(ValueError, match="wanted equal"):
        frechet.frechet(features(10, 8, 0), features(10, 9, 0))
