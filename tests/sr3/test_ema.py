"""Averages of the weights against the profile that they promise."""

import numpy as np
import pytest
import torch

from sr3 import ema


@pytest.mark.parametrize("sigma_rel", [0.01, 0.05, 0.1, 0.25])
def test_the_exponent_gives_the_asked_width(sigma_rel):
    """Relative standard deviation of the density t ** g on [0, 1], integrated numerically."""
    g = ema.exponent_of(sigma_rel)
    t = (np.arange(2_000_000) + 0.5) / 2_000_000
    density = t**g / (t**g).sum()
    mean = (density * t).sum()
    assert np.sqrt((density * (t - mean) ** 2).sum()) == pytest.approx(sigma_rel, rel=1e-4)


@pytest.mark.parametrize("sigma_rel", [0.0, 0.5, -1.0])
def test_impossible_widths_are_refused(sigma_rel):
    with pytest.raises(ValueError):
        ema.exponent_of(sigma_rel)


def test_updates_weigh_each_step_by_the_power_profile():
    """100 updates against the explicit sum of their weights."""
    averaged = ema.Ema([("w", torch.zeros(1))], 0.1)
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
    averaged = ema.Ema([("w", torch.full((3,), 9.0))], 0.05)
    averaged.update([("w", torch.ones(3))], 1)
    assert torch.equal(averaged.weights["w"], torch.ones(3))
