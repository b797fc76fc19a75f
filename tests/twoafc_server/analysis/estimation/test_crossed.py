"""The headline interval against independent implementations, its limits and its invariants."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

from twoafc_server.analysis.estimation.comparison import (
    against_half,
    difference,
    equivalence,
    equivalence_interval,
    holm,
)
from twoafc_server.analysis.estimation.crossed import Cells, Variance, logit_interval, rate_variance
from twoafc_server.analysis.estimation.pigeonhole import draw_rates, percentile_interval
from twoafc_server.analysis.estimation.pooled import unanimous_interval, wilson
from twoafc_server.simulation.numbers import simulate_cells
from twoafc_server.simulation.observers import Observers
from twoafc_server.simulation.plans import Design


def one_study(seed, design=None, rate=0.4, systems=1):
    design = design or Design(12, 10, 20, systems)
    rng = np.random.default_rng(seed)
    batch = simulate_cells((rate,) * systems, Observers(), design, 1, rng)
    return [Cells(c.count[0], c.fooled[0]) for c in batch]


def as_rows(cells):
    person, image = np.nonzero(cells.count)
    return cells.fooled[person, image], person, image


@pytest.mark.parametrize("seed", range(5))
def test_the_variance_is_statsmodels_two_way_sandwich(seed):
    (cells,) = one_study(seed)
    y, person, image = as_rows(cells)
    fit = sm.OLS(y, np.ones(len(y))).fit()
    both, people, images = cov_cluster_2groups(fit, person, image, use_correction=False)
    found = rate_variance(cells)
    s, i = cells.participants, cells.images
    assert found.participant == pytest.approx(people[0, 0] * s / (s - 1))
    assert found.image == pytest.approx(images[0, 0] * i / (i - 1))
    n = len(y)
    uncorrected = found.participant * (s - 1) / s + found.image * (i - 1) / i
    assert uncorrected - found.cell * (n - 1) / n == pytest.approx(both[0, 0])


def test_the_variance_by_hand():
    # Two participants, two images, all four cells, three fooled: residuals .25 (3x) and -.75.
    cells = Cells(np.ones((2, 2)), np.array([[1.0, 1.0], [1.0, 0.0]]))
    found = rate_variance(cells)
    assert cells.rate == 0.75
    # Rows and columns sum to +-.5, /4 each; G / (G - 1) = 2.
    assert found.participant == pytest.approx(2 * 2 * (0.5 / 4) ** 2)
    assert found.image == pytest.approx(found.participant)
    assert found.cell == pytest.approx((3 * 0.25**2 + 0.75**2) / 16 * 4 / 3)
    assert found.df == 1


def test_without_clusters_of_more_than_one_answer_it_is_the_independent_variance():
    fooled = np.diag([1.0, 0, 0, 1, 1, 0, 1, 1])
    cells = Cells(np.eye(8), fooled)
    expected = 5 / 8 * 3 / 8 / 7
    assert rate_variance(cells).total == pytest.approx(expected)


def test_the_variance_is_never_below_half_of_independence():
    half = Variance(np.array(0.1), np.array(0.1), np.array(0.4), np.array(9.0))
    assert half.raw < 0
    assert half.floored
    assert half.total == pytest.approx(0.2)


@pytest.mark.parametrize("seed", range(3))
def test_renaming_people_and_images_changes_nothing(seed):
    (cells,) = one_study(seed)
    rng = np.random.default_rng(seed)
    order = np.ix_(rng.permutation(cells.count.shape[0]), rng.permutation(cells.count.shape[1]))
    shuffled = Cells(cells.count[order], cells.fooled[order])
    np.testing.assert_allclose(
        logit_interval(cells.rate, rate_variance(cells)),
        logit_interval(shuffled.rate, rate_variance(shuffled)),
    )


@pytest.mark.parametrize("seed", range(3))
def test_swapping_fooled_and_not_mirrors_the_interval(seed):
    (cells,) = one_study(seed)
    other = Cells(cells.count, cells.count - cells.fooled)
    low, high = logit_interval(cells.rate, rate_variance(cells))
    mirrored_low, mirrored_high = logit_interval(other.rate, rate_variance(other))
    assert mirrored_low == pytest.approx(1 - high)
    assert mirrored_high == pytest.approx(1 - low)


def test_a_batch_gives_what_its_studies_give_alone():
    rng = np.random.default_rng(0)
    (batch,) = simulate_cells((0.3,), Observers(abandonment=0.3), Design(9, 6, 12), 4, rng)
    together = logit_interval(batch.rate, rate_variance(batch))
    for study in range(4):
        alone = Cells(batch.count[study], batch.fooled[study])
        one = logit_interval(alone.rate, rate_variance(alone))
        np.testing.assert_allclose([side[study] for side in together], one)


def test_wilson_is_statsmodels_wilson():
    for fooled, trials in [(0, 10), (3, 10), (1250, 2500)]:
        expected = proportion_confint(fooled, trials, method="wilson")
        np.testing.assert_allclose(wilson(np.array(fooled), np.array(trials)), expected)


def test_the_unanimous_interval_is_clopper_pearson():
    expected = proportion_confint(0, 17, method="beta")
    assert unanimous_interval(False, 17) == pytest.approx(expected)
    assert unanimous_interval(True, 17) == pytest.approx((1 - expected[1], 1 - expected[0]))


def test_pigeonhole_draws_are_what_literal_resampling_gives():
    first, second = one_study(1, systems=2)
    samples = draw_rates([first, second], 200, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    shape = first.count.shape
    rows = rng.multinomial(shape[0], np.full(shape[0], 1 / shape[0]), size=200)
    columns = rng.multinomial(shape[1], np.full(shape[1], 1 / shape[1]), size=200)
    for draw in (0, 57, 199):
        who = np.repeat(np.arange(shape[0]), rows[draw])
        what = np.repeat(np.arange(shape[1]), columns[draw])
        for column, cells in enumerate((first, second)):
            taken = np.ix_(who, what)
            trials = cells.count[taken].sum()
            expected = cells.fooled[taken].sum() / trials if trials else np.nan
            np.testing.assert_allclose(samples[draw, column], expected)


def test_pigeonhole_and_two_way_agree_on_a_full_size_study():
    (cells,) = one_study(2, Design(50, 50, 100), rate=0.5)
    low, high = percentile_interval(draw_rates([cells], 4000, np.random.default_rng(0))[:, 0])
    expected_low, expected_high = logit_interval(cells.rate, rate_variance(cells))
    width = expected_high - expected_low
    assert 0.9 * width < high - low < 1.4 * width
    assert abs((low + high) / 2 - cells.rate) < 0.1 * width


def test_difference_of_separate_groups_without_shared_images_is_welch_like():
    # Each person sees one image of their own: the two-way variance is the plain one.
    rng = np.random.default_rng(5)
    answers = rng.integers(0, 2, 40).astype(float)
    people = np.eye(40)
    first = Cells(people * (np.arange(40) < 20)[:, None], np.diag(answers * (np.arange(40) < 20)))
    second = Cells(
        people * (np.arange(40) >= 20)[:, None], np.diag(answers * (np.arange(40) >= 20))
    )
    found = difference(first, second)
    a, b = answers[:20], answers[20:]
    assert found.estimate == pytest.approx(a.mean() - b.mean())
    assert found.variance.se == pytest.approx(
        np.sqrt(a.var(ddof=1) / 20 + b.var(ddof=1) / 20), rel=0.02
    )


def test_pairing_by_image_removes_what_images_share():
    # 40 % of the images fool everybody, whoever made them: no difference, and no error of it.
    easy = np.tile(np.arange(20) < 8, (12, 1)).astype(float)
    first, second = Cells(np.ones((12, 20)), easy), Cells(np.ones((12, 20)), easy)
    found = difference(first, second)
    assert found.estimate == 0
    assert found.variance.se == 0
    assert rate_variance(first).se > 0.1


def test_tost_holds_exactly_where_its_interval_lies_within_the_margin():
    for seed in range(20):
        (cells,) = one_study(seed, Design(40, 20, 40), rate=0.5)
        low, high = equivalence_interval(cells)
        inside = low > 0.4 and high < 0.6
        assert (equivalence(cells, 0.1) < 0.05) == inside


def test_the_interval_and_the_test_against_half_say_the_same():
    for seed in range(20):
        (cells,) = one_study(seed, rate=0.4)
        low, high = logit_interval(cells.rate, rate_variance(cells))
        assert (against_half(cells) < 0.05) == (not low <= 0.5 <= high)


def test_holm_by_hand_and_with_a_missing_test():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    adjusted = holm([0.01, float("nan"), 0.04])
    assert adjusted[0] == pytest.approx(0.02)
    assert np.isnan(adjusted[1])


def test_the_interval_uses_student_with_the_fewer_clusters():
    (cells,) = one_study(0)
    variance = rate_variance(cells)
    assert variance.df == 11
    rate = cells.rate
    low, _ = logit_interval(rate, variance)
    half = stats.t.ppf(0.975, 11) * variance.se / (rate * (1 - rate))
    assert np.log(low / (1 - low)) == pytest.approx(np.log(rate / (1 - rate)) - half)
