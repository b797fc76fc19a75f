"""Components, shrinkage, d', effects and the mixed model against truth and other libraries."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import beta, binom, norm, t
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

from twoafc_server.analysis.estimation.components import variance_components
from twoafc_server.analysis.estimation.crossed import Cells
from twoafc_server.analysis.estimation.dprime import from_rate, from_sides
from twoafc_server.analysis.estimation.effects import (
    contrast,
    exposure_curve,
    order_effect,
    side_effects,
    slope,
)
from twoafc_server.analysis.estimation.grid import grid_of
from twoafc_server.analysis.estimation.mixed import mixed_rate, statsmodels_rate
from twoafc_server.analysis.estimation.pooled import wilson
from twoafc_server.analysis.estimation.rates import TWO_WAY, UNANIMOUS, WILSON, describe, headline
from twoafc_server.analysis.estimation.shrinkage import Prior, chance_range, fit_prior, shrink
from twoafc_server.analysis.estimation.units import image_table
from twoafc_server.analysis.quality import quality
from twoafc_server.simulation.numbers import simulate_cells
from twoafc_server.simulation.observers import Observers, components
from twoafc_server.simulation.plans import Design
from twoafc_server.simulation.rows import Study, simulate_rows


def rows(seed=0, rate=0.4, design=None, observers=None, **study):
    frame = simulate_rows(
        Study({"sr3": rate}, **study),
        observers or Observers(),
        design or Design(30, 20, 40),
        np.random.default_rng(seed),
    )
    frame["fooled"] = frame["fooled"] == 1
    frame["excluded"] = frame["excluded"] == 1
    return frame


def test_variance_components_are_unbiased():
    observers = Observers(participant_sd=0.8, image_sd=0.5)
    (batch,) = simulate_cells((0.4,), observers, Design(), 150, np.random.default_rng(0))
    found = [
        variance_components(Cells(count, fooled))
        for count, fooled in zip(batch.count, batch.fooled, strict=True)
    ]
    truth = components(0.4, observers)
    for name in ("participant", "image", "residual"):
        values = np.array([getattr(one, name) for one in found])
        error = values.std() / np.sqrt(len(values))
        assert abs(values.mean() - getattr(truth, name)) < 4 * error, name


def test_components_of_a_balanced_table_are_the_anova_ones():
    rng = np.random.default_rng(1)
    answers = (rng.random((8, 6)) < 0.5).astype(float)
    found = variance_components(Cells(np.ones((8, 6)), answers))
    row, column = answers.mean(axis=1), answers.mean(axis=0)
    residual = answers - row[:, None] - column[None, :] + answers.mean()
    error = (residual**2).sum() / (7 * 5)
    # The moment estimates differ from ANOVA's only in terms of the order of 1 / S and 1 / I.
    assert found.participant == pytest.approx((row.var(ddof=1) * 6 - error) / 6, abs=0.01)
    assert found.image == pytest.approx((column.var(ddof=1) * 8 - error) / 8, abs=0.01)


def test_chance_alone_spreads_25_raters_over_26_to_74_percent():
    # The study document's figure for 100 images at a true 50 %.
    low, high = chance_range(0.5, np.full(100, 25.0))
    assert low == pytest.approx(0.26, abs=0.01)
    assert high == pytest.approx(0.74, abs=0.01)


def test_the_chance_range_is_what_simulation_gives():
    rng = np.random.default_rng(0)
    counts = np.array([10.0, 25.0, 25.0, 40.0] * 5)
    rates = rng.binomial(counts.astype(int), 0.3, size=(20_000, 20)) / counts
    expected = rates.min(axis=1).mean(), rates.max(axis=1).mean()
    np.testing.assert_allclose(chance_range(0.3, counts), expected, atol=0.005)


def test_the_prior_is_found_again():
    rng = np.random.default_rng(0)
    truth = beta.rvs(0.4 * 12, 0.6 * 12, size=4000, random_state=rng)
    count = np.full(4000, 25.0)
    prior = fit_prior(binom.rvs(25, truth, random_state=rng).astype(float), count)
    assert prior.mean == pytest.approx(0.4, abs=0.01)
    assert prior.precision == pytest.approx(12, rel=0.1)


def test_equal_images_shrink_to_one_rate():
    rng = np.random.default_rng(0)
    count = np.full(2000, 25.0)
    fooled = rng.binomial(25, 0.5, 2000).astype(float)
    prior = fit_prior(fooled, count)
    shrunken = shrink(fooled, count, prior).rate
    assert (fooled / count).std() > 0.09
    assert shrunken.std() < 0.02
    alike = fit_prior(np.full(100, 12.0), np.full(100, 25.0))
    assert not alike.distinguishable
    assert fit_prior(np.arange(25.0), np.full(25, 25.0)).distinguishable


def test_shrunken_rates_are_nearer_the_truth_than_raw_ones():
    rng = np.random.default_rng(3)
    truth = beta.rvs(8, 8, size=300, random_state=rng)
    count = np.full(300, 25.0)
    fooled = rng.binomial(25, truth).astype(float)
    posterior = shrink(fooled, count, fit_prior(fooled, count))
    raw_error = ((fooled / count - truth) ** 2).mean()
    assert ((posterior.rate - truth) ** 2).mean() < 0.75 * raw_error
    covered = ((posterior.low <= truth) & (truth <= posterior.high)).mean()
    assert 0.91 < covered < 0.98


def test_the_posterior_by_hand():
    found = shrink(np.array([20.0]), np.array([25.0]), Prior(0.5, 10.0))
    assert found.rate[0] == pytest.approx(25 / 35)
    assert found.low[0] == pytest.approx(beta.ppf(0.025, 25, 10))


def test_image_table_rows_are_the_raw_counts():
    frame = rows()
    table = image_table(frame).table.set_index("image")
    one = frame[frame["image"] == "image0003"]
    assert table.loc["image0003", "answers"] == len(one) == 15
    assert table.loc["image0003", "fooled"] == one["fooled"].sum()


@pytest.mark.parametrize(("rate", "dprime"), [(0.5, 0.0), (0.24, 1.0), (0.079, 2.0)])
def test_dprime_is_the_textbook_table(rate, dprime):
    # Percent correct 76 and 92 at d' 1 and 2: Macmillan and Creelman's table for 2AFC.
    assert from_rate(rate, (rate, rate)).dprime == pytest.approx(dprime, abs=0.01)


def test_a_side_bias_lowers_the_plain_dprime_and_not_the_freed_one():
    # Equal-variance observer with d' = 1.5 and a strong preference for the left.
    grid = np.ones((400, 50))
    rng = np.random.default_rng(0)
    z = 1.5 / np.sqrt(2)
    hits = (rng.random(grid.shape) < norm.cdf(z + 0.8)).astype(float)
    false = (rng.random(grid.shape) < norm.cdf(-z + 0.8)).astype(float)
    found = from_sides(Cells(grid, hits), Cells(grid, false))
    assert found.dprime == pytest.approx(1.5, abs=0.05)
    assert found.criterion == pytest.approx(-0.8, abs=0.05)
    assert found.low < 1.5 < found.high
    fooled = 0.5 * (1 - hits.mean()) + 0.5 * false.mean()
    assert from_rate(fooled, (fooled, fooled)).dprime < 1.35


def test_one_sided_answers_have_no_dprime_and_say_so():
    grid = np.ones((3, 4))
    found = from_sides(Cells(grid, grid), Cells(grid, grid))
    assert found.dprime is None
    assert "always or never" in found.statement


def test_side_bias_is_found_and_its_absence_too():
    biased = rows(observers=Observers(side_bias=0.8))
    fair = rows(observers=Observers(side_bias=0.0))
    found = side_effects(biased, grid_of(biased))
    assert found.p_left < 1e-6
    assert found.difference.low > 0
    none = side_effects(fair, grid_of(fair))
    assert none.chose_left.low < 0.5 < none.chose_left.high
    assert none.difference.low < 0 < none.difference.high


def test_without_recorded_sides_a_sentence_stands_in():
    frame = rows().assign(side_model="", chose="")
    assert "not recorded" in side_effects(frame, grid_of(frame))


def test_a_slope_is_statsmodels_two_way_regression():
    frame = rows(design=Design(12, 20, 40))
    x = frame["position"].to_numpy(float)
    found = slope(frame, x, grid_of(frame))
    fit = sm.OLS(frame["fooled"].to_numpy(float), sm.add_constant(x)).fit()
    people = pd.factorize(frame["participant"])[0]
    images = pd.factorize(frame["image"])[0]
    _, by_person, by_image = cov_cluster_2groups(fit, people, images, use_correction=False)
    residual = fit.resid * (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    n = len(x)
    expected = (
        by_person[1, 1] * 12 / 11 + by_image[1, 1] * 40 / 39 - (residual**2).sum() * n / (n - 1)
    )
    assert found.estimate == pytest.approx(fit.params[1])
    half = (found.high - found.low) / 2
    assert (half / t.ppf(0.975, 11)) ** 2 == pytest.approx(expected, rel=1e-6)


def test_tiring_participants_show_in_the_order_effect():
    frame = rows(design=Design(60, 40, 40))
    rng = np.random.default_rng(0)
    tired = rng.random(len(frame)) < 0.5 * frame["position"] / 40
    found = order_effect(frame.assign(fooled=frame["fooled"] | tired), grid_of(frame))
    assert found.low > 0.1
    none = order_effect(frame, grid_of(frame))
    assert none.low < 0 < none.high


def test_an_exposure_curve_has_a_point_per_exposure_and_a_trend():
    frame = rows(design=Design(40, 20, 40), exposures_ms=(1000.0, 2000.0, 4000.0, 8000.0))
    points, trend = exposure_curve(frame, grid_of(frame))
    assert [point.exposure_ms for point in points] == [1000, 2000, 4000, 8000]
    assert sum(point.trials for point in points) == len(frame)
    assert trend.low < 0 < trend.high
    one, none = exposure_curve(rows(), grid_of(rows()))
    assert len(one) == 1
    assert "one exposure" in none.statement


def test_the_mixed_model_agrees_with_statsmodels_and_with_the_truth():
    observers = Observers(participant_sd=0.8, image_sd=0.5)
    frame = rows(2, 0.4, Design(40, 20, 40), observers)
    ours, theirs = mixed_rate(frame), statsmodels_rate(frame)
    assert ours.participant_sd == pytest.approx(theirs.participant_sd, rel=0.1)
    assert ours.image_sd == pytest.approx(theirs.image_sd, rel=0.15)
    assert ours.rate == pytest.approx(theirs.rate, abs=0.005)
    assert ours.participant_sd == pytest.approx(0.8, rel=0.4)
    assert ours.low < 0.4 < ours.high
    cells = grid_of(frame).cells(frame)
    top = headline(cells)
    assert ours.high - ours.low == pytest.approx(top.high - top.low, rel=0.25)


def test_the_mixed_model_declines_what_it_cannot_fit():
    frame = rows()
    assert mixed_rate(frame.assign(fooled=True)) is None
    assert mixed_rate(frame[frame["image"] == "image0001"]) is None
    assert statsmodels_rate(frame.assign(fooled=False)) is None


def test_one_image_and_one_participant_get_wilson_and_a_statement():
    one_image = headline(Cells(np.ones((9, 1)), (np.arange(9) < 4).astype(float)[:, None]))
    assert one_image.method == WILSON
    assert "one image" in one_image.statement
    one_person = headline(Cells(np.ones((1, 9)), (np.arange(9) < 4).astype(float)[None, :]))
    assert one_person.method == WILSON
    assert "one participant" in one_person.statement
    both = headline(Cells(np.ones((1, 1)), np.ones((1, 1))))
    assert "one participant and one image" in both.statement


@pytest.mark.parametrize("answer", [0.0, 1.0])
def test_equal_answers_get_a_bound_and_a_statement(answer):
    cells = Cells(np.ones((10, 20)), np.full((10, 20), answer))
    report = describe("sr3", cells, np.full(100, answer), 0.05)
    assert report.headline.method == UNANIMOUS
    assert "every answer" in report.headline.statement
    assert "10 independent answers" in report.headline.statement
    assert report.equivalence is None
    assert report.sensitivity.dprime is None
    assert 0 <= report.headline.low <= report.headline.rate <= report.headline.high <= 1
    assert report.headline.high - report.headline.low > 0.2


def test_missing_answers_are_counted_and_few_clusters_are_said():
    count = np.ones((4, 12))
    count[0, 6:] = 0
    rng = np.random.default_rng(0)
    report = describe("sr3", Cells(count, count * (rng.random((4, 12)) < 0.5)), None, 0.05)
    assert report.missing == 6
    assert report.headline.method == TWO_WAY
    assert "only 4 clusters" in report.headline.statement
    assert report.bootstrap is None


def test_a_difference_without_two_of_each_has_no_interval():
    one = Cells(np.ones((1, 4)), np.array([[1.0, 0, 0, 0]]))
    other = Cells(np.ones((1, 4)), np.array([[1.0, 1, 0, 0]]))
    found = contrast(one, other)
    assert found.estimate == -0.25
    assert found.p is None
    assert "no interval" in found.statement
    equal = Cells(np.ones((3, 4)), np.ones((3, 4)))
    assert "do not vary" in contrast(equal, equal).statement


def test_quality_counts_by_reason():
    frame = rows(observers=Observers(abandonment=0.5))
    frame.loc[frame.index[:3], ["excluded", "exclusion_reason"]] = [True, "hidden"]
    frame.loc[frame.index[5:7], "flags"] = ["blurred;early_press", "early_press"]
    frame.loc[frame.index[5:7], "excluded"] = False
    found = quality(frame)
    by_reason = {one.reason: one for one in found.exclusions}
    assert by_reason["hidden"].trials == 3
    assert by_reason["hidden"].participants == 1
    assert found.kept_trials + sum(one.trials for one in found.exclusions) == found.test_trials
    assert found.flags == {"blurred": 1, "early_press": 2}
    assert found.timing.within_frame == 1.0


def test_wilson_s_interval_holds_a_rate_of_0_and_of_1_to_the_last_bit():
    trials = np.arange(1, 200)
    low, high = wilson(np.zeros(199), trials)
    assert (low == 0).all()
    assert (high > 0).all()
    low, high = wilson(trials, trials)
    assert (low < 1).all()
    assert (high == 1).all()
