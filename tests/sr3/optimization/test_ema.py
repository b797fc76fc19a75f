"""Averages of the weights against the profile that they promise."""

import numpy as np
import pytest
import torch

from sr3.optimization import averages


@pytest.mark.parametrize("sigma_rel", [0.01, 0.05, 0.1, 0.25])
def test_the_exponent_gives_the_asked_width(sigma_rel):
    """Relative standard deviation of the density t ** g on [0, 1], integrated numerically."""
    g = averages.exponent_of(sigma_rel)
    t = (np.arange(2_000_000) + 0.5) / 2_000_000
    density = t**g / (t**g).sum()
    mean = (density * t).sum()
    assert np.sqrt((density * (t - mean) ** 2).sum()) == pytest.approx(sigma_rel, rel=1e-4)


@pytest.mark.parametrize("sigma_rel", [0.0, 0.5, -1.0])
def test_impossible_widths_are_refused(sigma_rel):
    with pytest.raises(ValueError):
        averages.exponent_of(sigma_rel)


def test_updates_weigh_each_step_by_the_power_profile():
    """100 updates against the explicit sum of their weights."""
    averaged = averages.Ema([("w", torch.zeros(1))], 0.1)
    values = torch.sin(torch.arange(1, 101).float())
    for step in range(1, 101):
        averaged.update([("w", values[step - 1 : step])], step)
    weight = np.ones(100)
    for step in range(1, 101):
        decay = (1 - 1 / step) ** (averaged.exponent + 1)
        weight[: step - 1] *= decay
        weight[step - 1] = 1 - decay
    assert weight.sum() == pytest.approx(1)
    assert float(averaged.weights["w"]) == pytest.approx((weight * values.numpy()).sum(), abs=1e-5)


def test_the_first_update_forgets_the_initial_weights():
    averaged = averages.Ema([("w", torch.full((3,), 9.0))], 0.05)
    averaged.update([("w", torch.ones(3))], 1)
    assert torch.equal(averaged.weights["w"], torch.ones(3))


def test_the_inner_product_of_profiles_is_their_integral():
    t = (np.arange(400_000) + 0.5) / 400_000 * 80
    for (a, g_a), (b, g_b) in [((50.0, 3.0), (80.0, 16.97)), ((30.0, 6.94), (30.0, 6.94))]:
        first = np.where(t <= a, (g_a + 1) * (t / a) ** g_a / a, 0)
        second = np.where(t <= b, (g_b + 1) * (t / b) ** g_b / b, 0)
        integral = (first * second).sum() * 80 / 400_000
        found = averages.correlation(*(np.array(x) for x in (a, g_a, b, g_b)))
        assert float(found) == pytest.approx(integral, rel=1e-4)


def wandering(count):
    """A path of a weight: smooth drift and noise, as in training."""
    rng = np.random.default_rng(0)
    return np.sin(np.arange(count) / 150) + 0.3 * rng.normal(size=count).cumsum() / count**0.5


@pytest.mark.parametrize("width", [0.03, 0.07, 0.15])
@pytest.mark.parametrize("step", [2000, 1400])
def test_snapshots_reconstruct_the_average_of_another_width(width, step):
    """Two averages are kept, a third is rebuilt and compared with the one followed directly."""
    path = torch.from_numpy(wandering(2000)).float()
    kept = [averages.Ema([("w", path[:1])], s) for s in (0.05, 0.1)]
    direct = averages.Ema([("w", path[:1])], width)
    snapshots, values, wanted = [], [], None
    for i in range(1, 2001):
        for average in [*kept, direct]:
            average.update([("w", path[i - 1 : i])], i)
        if i % 100 == 0 and i <= step:
            snapshots += [(i, average.sigma_rel) for average in kept]
            values += [float(average.weights["w"]) for average in kept]
        if i == step:
            wanted = float(direct.weights["w"])
    shares = averages.mixture(snapshots, step, width)
    assert shares.sum() == pytest.approx(1, abs=0.02)
    found = float(shares @ values)
    naive = max(abs(v - wanted) for v in values[-2:])
    assert abs(found - wanted) < 0.015
    assert abs(found - wanted) < 0.35 * naive


def test_a_width_that_was_kept_comes_back_as_it_is():
    shares = averages.mixture([(100, 0.05), (100, 0.1), (200, 0.05), (200, 0.1)], 200, 0.1)
    np.testing.assert_allclose(shares, [0, 0, 0, 1], atol=1e-9)
