"""The Frechet distance against scipy's matrix square root and torch-fidelity."""

import numpy as np
import pytest
from scipy import linalg

from bench import frechet
from bench.torchvision_guard import import_guarded


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


def test_weights_stand_for_repeated_rows():
    for n, d in ((30, 60), (90, 20)):
        x = features(n, d, 7)
        counts = np.random.default_rng(0).integers(0, 3, n)
        repeated = frechet.fit(np.repeat(x, counts, axis=0))
        weighted = frechet.fit(x, counts)
        np.testing.assert_allclose(weighted.mean, repeated.mean)
        np.testing.assert_allclose(
            weighted.root.T @ weighted.root, repeated.root.T @ repeated.root, atol=1e-8
        )
        assert weighted.n == repeated.n


def test_published_moments_serve_as_reference():
    x, y = features(40, 64, 8), features(200, 64, 9)
    moments = y.astype(np.float64).mean(0), np.cov(y.astype(np.float64), rowvar=False)
    reference = frechet.from_moments(*moments, n=200)
    assert frechet.distance(frechet.fit(x), reference) == pytest.approx(frechet.frechet(x, y))


def test_a_draw_is_the_distance_of_the_resampled_images(monkeypatch):
    x, y = features(40, 70, 10), features(40, 70, 11, shift=0.1)
    rows = frechet.resampling_indices(40, 5, seed=3)
    wanted = [frechet.frechet(x[row], y[row]) for row in rows]
    np.testing.assert_allclose(frechet.paired_bootstrap_draws(x, y, 5, seed=3), wanted, rtol=1e-6)
    monkeypatch.setattr(frechet, "GRAM_LIMIT", 10)
    np.testing.assert_allclose(frechet.paired_bootstrap_draws(x, y, 5, seed=3), wanted, rtol=1e-6)


def test_draws_against_a_fixed_reference():
    x, reference = features(40, 70, 12), frechet.fit(features(90, 70, 13))
    rows = frechet.resampling_indices(40, 4, seed=1)
    wanted = [frechet.distance(frechet.fit(x[row]), reference) for row in rows]
    np.testing.assert_allclose(frechet.bootstrap_draws(x, reference, 4, seed=1), wanted, rtol=1e-6)


def test_spread_of_the_draws_is_that_of_new_samples():
    def pair(seed):
        x = features(120, 30, seed)
        return x, x + features(120, 30, seed + 10_000, shift=0.1) / 2

    anew = np.std([frechet.frechet(*pair(seed)) for seed in range(100, 250)])
    drawn = np.mean([frechet.paired_bootstrap_draws(*pair(s), 100, 0).std() for s in range(8)])
    assert 0.8 < drawn / anew < 1.4


@pytest.mark.parametrize("bad", [np.zeros((1, 4)), np.zeros(4), np.full((3, 4), np.nan)])
def test_unusable_features_are_refused(bad):
    with pytest.raises(ValueError, match="found features"):
        frechet.fit(bad)


def test_features_of_different_extractors_are_refused():
    with pytest.raises(ValueError, match="wanted equal"):
        frechet.frechet(features(10, 8, 0), features(10, 9, 0))
