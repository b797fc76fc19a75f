"""Statistics against scipy and statsmodels, and by simulation of coverage."""

import numpy as np
import pytest
from scipy import stats

from bench.statistics import intervals
from bench.statistics.intervals import (
    Interval,
    bootstrap_mean,
    holm,
    interval_of_draws,
    mcnemar,
    paired_bootstrap,
    paired_draws,
    resampling_indices,
    sign_flips,
    tied_best_means,
    wilson,
)


@pytest.fixture
def skewed() -> np.ndarray:
    return np.random.default_rng(3).gamma(1.0, 2.0, size=60)


def test_bca_agrees_with_scipy(skewed):
    ours = bootstrap_mean(skewed, draws=20_000)
    theirs = stats.bootstrap(
        (skewed,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1)
    )
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert ours.value == pytest.approx(skewed.mean())
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.03 * width)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.03 * width)


def test_bca_reaches_further_into_the_long_tail(skewed):
    interval = bootstrap_mean(skewed)
    assert interval.high - interval.value > interval.value - interval.low


def test_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    trials = [bootstrap_mean(rng.gamma(2.0, 1.0, 80), draws=500, seed=i) for i in range(300)]
    covered = sum(t.low <= 2.0 <= t.high for t in trials)
    assert 0.90 <= covered / 300 <= 0.98


def test_same_seed_same_interval_and_chunks_change_nothing(monkeypatch, skewed):
    whole = bootstrap_mean(skewed, seed=5)
    monkeypatch.setattr(intervals, "CHUNK_ELEMENTS", 60 * 7)
    assert bootstrap_mean(skewed, seed=5) == whole
    assert bootstrap_mean(skewed, seed=6) != whole


def test_one_value_has_no_bounds():
    assert bootstrap_mean([3.5]) == Interval(3.5, None, None, 1)
    assert not Interval(3.5, None, None, 1).excludes(0.0)


def test_constant_values_have_a_point_interval():
    assert bootstrap_mean([2.0] * 5) == Interval(2.0, 2.0, 2.0, 5)


@pytest.mark.parametrize("values", [[], [1.0, np.inf], [np.nan], [[1.0, 2.0]]])
def test_unusable_values_are_refused(values):
    with pytest.raises(ValueError, match="found"):
        bootstrap_mean(values)


def test_paired_bootstrap_sees_what_the_unpaired_intervals_hide():
    rng = np.random.default_rng(2)
    a = rng.normal(25, 4, 100)
    b = a - rng.normal(0.2, 0.3, 100)
    assert bootstrap_mean(a).low < bootstrap_mean(b).value
    paired = paired_bootstrap(a, b)
    assert paired.difference.excludes(0.0)
    assert paired.p_value < 0.01


def test_paired_p_value_is_uniform_without_a_difference():
    rng = np.random.default_rng(7)
    p_values = [sign_flips(rng.standard_t(3, 50))[0] for _ in range(1000)]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


def test_paired_p_value_agrees_with_its_interval_and_the_t_test():
    rng = np.random.default_rng(11)
    for shift in np.linspace(0, 0.6, 13):
        a, b = rng.normal(shift, 1, 60), rng.normal(0, 1, 60)
        paired = paired_bootstrap(a, b, draws=4000)
        t_test = stats.ttest_rel(a, b).pvalue
        assert paired.p_value == pytest.approx(t_test, abs=0.05)
        if abs(paired.p_value - 0.05) > 0.01:
            assert paired.difference.excludes(0.0) == (paired.p_value < 0.05)


def test_the_paired_interval_is_that_of_the_differences(skewed):
    other = np.random.default_rng(5).gamma(1.0, 1.5, size=60)
    assert paired_bootstrap(skewed, other).difference == bootstrap_mean(skewed - other)


@pytest.mark.parametrize("seed", range(4))
def test_few_sign_flips_agree_with_scipy(seed):
    sample = np.random.default_rng(seed).normal(0.4, 1, 9)
    theirs = stats.permutation_test(
        (sample,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flips(sample) == (pytest.approx(theirs.pvalue), "exact")


@pytest.mark.parametrize("shift", [0.05, 0.5, 1.0, 1.5])
def test_the_saddlepoint_agrees_with_all_signs(shift, monkeypatch):
    """A tail of a few sign patterns of 2^23 is coarser than any smooth curve."""
    for seed in range(5):
        sample = np.random.default_rng(seed).normal(shift, 1, 23)
        approximate, how = sign_flips(sample)
        with monkeypatch.context() as patch:
            patch.setattr(intervals, "EXACT_FLIPS", 23)
            exact, _ = sign_flips(sample)
        assert how == "saddlepoint"
        assert approximate == pytest.approx(exact, rel=0.05 if exact > 1e-4 else 0.5)


def test_a_far_tail_agrees_with_the_distribution_on_a_grid():
    """Sums of whole numbers have a distribution that convolution gives to the last digit."""
    rng = np.random.default_rng(3)
    sizes = rng.integers(400, 2000, 138)
    weights = np.ones(1)
    for size in sizes:
        grown = np.zeros(weights.size + size)
        grown[: weights.size] += weights / 2
        grown[size:] += weights / 2
        weights = grown
    for losses in (0, 1, 5, 20, 50):
        signs = np.where(np.arange(138) < losses, -1, 1)
        up = int(sizes[signs > 0].sum())
        exact = 2 * weights[up:].sum()
        assert sign_flips(sizes * signs)[0] == pytest.approx(exact, rel=0.05), losses


@pytest.mark.parametrize(("wins", "losses"), [(20, 16), (40, 20), (90, 30), (60, 60)])
def test_wins_and_losses_agree_with_the_sign_test(wins, losses):
    """A coarse grid, on which the exact value is that of a binomial."""
    differences = 0.1 * np.repeat([1, -1], [wins, losses])
    exact = stats.binomtest(wins, wins + losses).pvalue
    assert sign_flips(differences)[0] == pytest.approx(exact, rel=0.1)


def test_all_wins_have_no_floor_at_a_number_of_draws():
    wins = np.random.default_rng(0).uniform(0.1, 2, 138)
    assert sign_flips(wins)[0] == pytest.approx(2.0**-137)
    assert sign_flips(-wins)[0] == sign_flips(1e-6 * wins)[0] == sign_flips(wins)[0]
    assert sign_flips(np.full(5, 0.3)) == (2.0**-4, "exact")
    assert 0 < sign_flips(np.ones(50_000))[0] < 1e-300


def test_zeros_say_nothing():
    sample = np.random.default_rng(1).normal(0.5, 1, 40)
    assert sign_flips(np.concatenate([sample, np.zeros(60)])) == sign_flips(sample)
    assert sign_flips(np.zeros(30)) == (1.0, "exact")
    assert sign_flips([0.7]) == (1.0, "exact")
    assert sign_flips(np.tile([1.0, -1.0], 30))[0] == 1.0


def test_identical_systems_do_not_differ():
    paired = paired_bootstrap([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert (paired.difference.value, paired.p_value) == (0.0, 1.0)


def test_paired_values_must_be_pairs():
    with pytest.raises(ValueError, match="pairs"):
        paired_bootstrap([1.0, 2.0], [1.0])


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (10, 10), (27, 200), (89, 200)])
def test_wilson_agrees_with_statsmodels(successes, n):
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    low, high = proportion.proportion_confint(successes, n, method="wilson")
    interval = wilson(successes, n)
    assert (interval.value, interval.n) == (successes / n, n)
    assert interval.low == pytest.approx(low, abs=1e-12)
    assert interval.high == pytest.approx(high, abs=1e-12)


@pytest.mark.parametrize(("successes", "n"), [(3, 2), (-1, 5), (0, 0)])
def test_wilson_refuses_impossible_counts(successes, n):
    with pytest.raises(ValueError, match="found"):
        wilson(successes, n)


def test_mcnemar_agrees_with_statsmodels():
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    rng = np.random.default_rng(5)
    a, b = rng.random(200) < 0.45, rng.random(200) < 0.35
    table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
    ours = mcnemar(a, b)
    assert ours.p_value == pytest.approx(tables.mcnemar(table, exact=True).pvalue)
    assert ours.difference.value == pytest.approx(a.mean() - b.mean())


def test_mcnemar_interval_covers_the_difference():
    rng = np.random.default_rng(9)
    covered = 0
    for _ in range(400):
        hard = rng.random(120) < 0.2
        a, b = hard | (rng.random(120) < 0.2), hard | (rng.random(120) < 0.1)
        interval = mcnemar(a, b).difference
        covered += interval.low <= 0.8 * 0.1 <= interval.high
    assert 0.92 <= covered / 400 <= 0.985


def test_mcnemar_without_discordant_images():
    paired = mcnemar([True, False], [True, False])
    assert (paired.p_value, paired.difference.value) == (1.0, 0.0)


def test_holm_agrees_with_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p_values = [0.04, 0.001, 0.03, 0.03, 0.9, 0.0004]
    assert holm(p_values) == pytest.approx(multitest.multipletests(p_values, method="holm")[1])
    assert holm([]) == []


def test_draws_are_laid_around_the_value():
    draws = np.random.default_rng(0).normal(130, 2, 4000)
    interval = interval_of_draws(115.8, draws, 200)
    assert interval.low == pytest.approx(115.8 - 1.96 * 2, abs=0.2)
    assert interval.high == pytest.approx(115.8 + 1.96 * 2, abs=0.2)


def test_paired_draws_use_what_two_systems_share():
    rng = np.random.default_rng(1)
    shared = rng.normal(0, 5, 1000)
    a, b = shared + rng.normal(10, 0.2, 1000), shared + rng.normal(9, 0.2, 1000)
    paired = paired_draws(10.0, 9.0, a, b, 200)
    assert paired.difference.excludes(0.0)
    assert paired.p_value < 0.01
    assert not paired.at_floor
    far = paired_draws(19.0, 9.0, a + 9, b, 200)
    assert (far.p_value, far.at_floor) == (1 / 1001, True)
    same = paired_draws(9.02, 9.0, a, b, 200)
    assert not same.difference.excludes(0.0)
    assert same.p_value > 0.5
    assert not same.at_floor


def test_resampling_indices_are_the_same_for_every_system():
    first, second = resampling_indices(30, 8, 4), resampling_indices(30, 8, 4)
    assert (first == second).all()
    assert first.shape == (8, 30)
    assert first.min() >= 0
    assert first.max() < 30


def test_ties_are_marked_from_unrounded_values():
    rng = np.random.default_rng(4)
    base = rng.normal(25, 3, 200)
    values = {
        "worse": base - 0.5 + rng.normal(0, 0.1, 200),
        "best": base,
        "tied": base - 0.001 + rng.normal(0, 0.1, 200),
    }
    assert tied_best_means(values, higher_is_better=True) == {"best", "tied"}
    assert "worse" in tied_best_means(values, higher_is_better=False)
    assert len(tied_best_means(values, higher_is_better=False)) == 1
