"""Precision, recall, density and coverage: plain definitions, known values, and their draws."""

import numpy as np
import pytest

from bench.statistics import neighbours
from bench.statistics.neighbours import Counts, count, coverage, density, precision, recall
from sr3.base.torchvision_guard import import_guarded

FOUR = (precision, recall, density, coverage)


def two_sets(seed: int, n: int = 40, m: int = 30, d: int = 5):
    """Overlapping clouds of other sizes."""
    rng = np.random.default_rng(seed)
    ours = rng.normal(size=(n, d)) * 0.8 + 0.4
    return ours.astype(np.float32), rng.normal(size=(m, d)).astype(np.float32)


def by_definition(ours, theirs, k):
    """The four numbers straight from the papers, with the full matrices and loops."""

    def far(a, b):
        return np.array([[np.sqrt(((x - y) ** 2).sum()) for y in b] for x in a.astype(float)])

    of_ours, of_theirs = (np.sort(far(x, x), axis=1)[:, k] for x in (ours, theirs))  # [0] is itself
    gaps = far(ours, theirs)
    held = [any(gaps[i, j] < of_theirs[j] for j in range(len(theirs))) for i in range(len(ours))]
    found = [any(gaps[i, j] < of_ours[i] for i in range(len(ours))) for j in range(len(theirs))]
    balls = sum(int(gaps[i, j] < of_theirs[j]) for i, j in np.ndindex(gaps.shape))
    near = [min(gaps[:, j]) < of_theirs[j] for j in range(len(theirs))]
    return np.mean(held), np.mean(found), balls / (k * len(ours)), np.mean(near)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("k", [1, 3, 5])
def test_they_are_what_the_papers_define(seed, k):
    ours, theirs = two_sets(seed)
    counts = count(ours, theirs, k)
    assert [f(counts) for f in FOUR] == pytest.approx(by_definition(ours, theirs, k), abs=1e-12)


def test_precision_and_recall_are_those_of_torch_fidelity():
    """Its first set is the generated one, k = 3."""
    torch, metric = import_guarded("torch"), import_guarded("torch_fidelity.metric_prc")
    ours, theirs = two_sets(9, 60, 60)
    wanted = metric.prc_features_to_metric(
        torch.from_numpy(ours), torch.from_numpy(theirs), prc_neighborhood=3, prc_batch_size=16,
        verbose=False,
    )  # fmt: skip
    counts = count(ours, theirs, 3)
    assert precision(counts) == pytest.approx(float(wanted[metric.KEY_METRIC_PRECISION]))
    assert recall(counts) == pytest.approx(float(wanted[metric.KEY_METRIC_RECALL]))


def test_blocks_change_nothing(monkeypatch):
    ours, theirs = two_sets(1)
    whole = count(ours, theirs, 5)
    monkeypatch.setattr(neighbours, "BLOCK", 7)
    cut = count(ours, theirs, 5)
    assert np.array_equal(whole.balls, cut.balls)
    assert np.array_equal(whole.recalled, cut.recalled)
    assert np.array_equal(whole.covered, cut.covered)


def test_the_same_set_has_all_ones_and_a_far_one_nothing():
    _, theirs = two_sets(2)
    assert [f(count(theirs, theirs.copy(), 5)) for f in FOUR] == [1, 1, 1, 1]
    assert [f(count(theirs + 100, theirs, 5)) for f in FOUR] == [0, 0, 0, 0]


def test_a_collapsed_generator_is_precise_and_covers_little():
    rng = np.random.default_rng(3)
    theirs = rng.normal(size=(200, 4)).astype(np.float32)
    ours = (theirs[:1] + rng.normal(size=(200, 4)) * 1e-3).astype(np.float32)
    counts = count(ours, theirs, 5)
    assert precision(counts) == 1
    assert recall(counts) <= 0.01
    assert coverage(counts) < 0.1


def test_an_outlier_widens_precision_but_hardly_density():
    """Why Naeem et al. count balls: one far real picture has a ball that holds everything."""
    rng = np.random.default_rng(4)
    theirs = rng.normal(size=(100, 3))
    ours = rng.normal(size=(100, 3)) + 12
    with_one = np.concatenate([theirs, [[40.0, 40.0, 40.0]]])
    counts = count(ours.astype(np.float32), with_one.astype(np.float32), 5)
    assert precision(counts) > 0.9
    assert density(counts) <= 0.2


def test_of_one_distribution_density_is_one():
    values = []
    for seed in range(20):
        ours, theirs = np.random.default_rng(seed).normal(size=(2, 300, 8)).astype(np.float32)
        values.append(density(count(ours, theirs, 5)))
    assert np.mean(values) == pytest.approx(1, abs=4 * np.std(values) / np.sqrt(20))


def test_coverage_of_one_distribution_is_what_the_paper_derives():
    """1 - (M-1)...(M-k) / ((N+M-1)...(N+M-k)), Naeem et al. 2020, lemma 2."""
    n = m = 100
    k = 5
    wanted = 1 - np.prod([(m - i) / (n + m - i) for i in range(1, k + 1)])
    values = []
    for seed in range(30):
        ours, theirs = np.random.default_rng(seed).normal(size=(2, n, 8)).astype(np.float32)
        values.append(coverage(count(ours, theirs, k)))
    assert np.mean(values) == pytest.approx(wanted, abs=4 * np.std(values) / np.sqrt(30))


def test_nearest_are_those_of_the_sorted_matrix(monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK", 11)
    ours, theirs = two_sets(5)
    gaps, places = neighbours.nearest(ours, theirs, 4)
    matrix = neighbours.distances(ours, theirs)
    assert np.allclose(gaps, np.sort(matrix, axis=1)[:, :4])
    assert np.allclose(np.take_along_axis(matrix, places, axis=1), gaps)
    assert not (neighbours.nearest(ours, ours, 1, own=True)[1][:, 0] == np.arange(len(ours))).any()


def test_a_draw_is_the_count_of_two_halves():
    """The neighbours that are kept give what counting the halves themselves gives."""
    ours, theirs = two_sets(6)
    drawn = neighbours.halving(ours, theirs, 3).draws(list(FOUR), 3, 7, 8)
    rngs = np.random.default_rng(7), np.random.default_rng(8)
    anew = []
    for _ in range(3):
        halves = [
            rows[np.sort(rng.permutation(len(rows))[: len(rows) // 2])]
            for rows, rng in zip((ours, theirs), rngs, strict=True)
        ]
        anew.append([f(count(*halves, 3)) for f in FOUR])
    assert np.allclose(drawn.T, anew)


def test_draws_share_the_real_halves_of_one_seed():
    """Two systems beside the same real pictures: the same system twice differs by nothing."""
    ours, theirs = two_sets(7)
    halving = neighbours.halving(ours, theirs, 3)
    first, again, other = (halving.draws([coverage], 5, seed, 1) for seed in (2, 2, 3))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_spread_of_halves_is_that_of_new_sets():
    """Sets drawn anew 60 times say what the sampling error is."""
    values, spreads = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        ours = (rng.normal(size=(100, 6)) * 0.9 + 0.2).astype(np.float32)
        theirs = rng.normal(size=(100, 6)).astype(np.float32)
        values.append([f(count(ours, theirs, 3)) for f in FOUR])
        if seed < 15:
            drawn = neighbours.halving(ours, theirs, 3).draws(list(FOUR), 60, seed, seed + 1)
            spreads.append(drawn.std(axis=1))
    ratio = np.mean(spreads, axis=0) / np.std(values, axis=0)
    assert (ratio > 0.75).all(), ratio
    assert (ratio < 1.6).all(), ratio


def test_more_pictures_than_are_drawn_from_scale_the_spread(monkeypatch):
    ours, theirs = two_sets(8, 80, 80)
    whole = neighbours.halving(ours, theirs, 3)
    monkeypatch.setattr(neighbours, "LIMIT", 40)
    part = neighbours.halving(ours, theirs, 3)
    assert part.gaps.shape == (40, 40)
    assert (whole.share, part.share) == (1, 0.5)


def test_bad_sets_are_refused():
    ours, theirs = two_sets(0)
    with pytest.raises(ValueError, match="found 3 pictures, wanted more than k = 3"):
        count(ours[:3], theirs, 3)
    with pytest.raises(ValueError, match=r"wanted \(n, d\), \(m, d\)"):
        count(ours, theirs[:, :2], 3)
    with pytest.raises(ValueError, match="found 7 and 30 pictures, wanted 8 or more"):
        neighbours.halving(ours[:7], theirs, 3)
    assert isinstance(count(ours[:4], theirs, 3), Counts)
