"""Forward process and posterior against float64 Gaussian algebra; p(gamma); loss."""

import numpy as np
import pytest
import torch

from sr3.diffusion import process, schedule

SCHEDULE = schedule.linear(50, 1e-4, 0.3)


def gaussian_posterior(y_0, y_t, alphas, t):
    """q(y_{t-1} given y_0, y_t) by Bayes' rule on the chain itself (eq. 2), no closed form.

    The chain is composed step by step to N(scale * y_0, variance) at t - 1; then the joint of
    (y_{t-1}, y_t) is conditioned on y_t with the textbook formula.
    """
    scale, variance = 1.0, 0.0
    for alpha in alphas[1:t]:
        scale, variance = np.sqrt(alpha) * scale, alpha * variance + 1 - alpha
    mean_s = scale * y_0
    mean_t, variance_t = np.sqrt(alphas[t]) * mean_s, alphas[t] * variance + 1 - alphas[t]
    covariance = np.sqrt(alphas[t]) * variance
    gain = covariance / variance_t
    return mean_s + gain * (y_t - mean_t), variance - gain * covariance


@pytest.mark.parametrize("t", [1, 2, 17, 50])
def test_posterior_is_bayes_rule_on_the_chain(t):
    rng = np.random.default_rng(t)
    y_0, y_t = rng.normal(size=(2, 3, 4, 4)), rng.normal(size=(2, 3, 4, 4))
    mean, variance = process.posterior(torch.from_numpy(y_0), torch.from_numpy(y_t), SCHEDULE, t)
    wanted_mean, wanted_variance = gaussian_posterior(y_0, y_t, SCHEDULE.alpha, t)
    np.testing.assert_allclose(mean.numpy(), wanted_mean, rtol=0, atol=1e-12)
    assert variance == pytest.approx(wanted_variance, abs=1e-14)


def test_posterior_is_bayes_rule_by_numerical_integration():
    """The density p(y_{t-1} | y_0, y_t) on a grid, normalised by summing it."""
    t, y_0, y_t = 9, 0.3, -0.4
    grid = np.linspace(-6, 6, 200_001)
    scale, variance = np.sqrt(SCHEDULE.gamma[t - 1]), 1 - SCHEDULE.gamma[t - 1]
    log_density = -((grid - scale * y_0) ** 2) / (2 * variance)
    log_density -= (y_t - np.sqrt(SCHEDULE.alpha[t]) * grid) ** 2 / (2 * SCHEDULE.beta[t])
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    mean = (weight * grid).sum()
    found, found_variance = process.posterior(
        torch.tensor([y_0], dtype=torch.float64), torch.tensor([y_t]).double(), SCHEDULE, t
    )
    assert float(found) == pytest.approx(mean, abs=1e-6)
    assert found_variance == pytest.approx((weight * (grid - mean) ** 2).sum(), rel=1e-4)


def test_forward_process_composes_the_chain():
    """Eq. 3 against eq. 2 applied t times with the noises added up by hand."""
    rng = np.random.default_rng(0)
    y_0, t = rng.normal(size=(1, 3, 2, 2)), 12
    y, pooled = y_0.copy(), np.zeros_like(y_0)
    for alpha in SCHEDULE.alpha[1 : t + 1]:
        step_noise = rng.normal(size=y_0.shape)
        y = np.sqrt(alpha) * y + np.sqrt(1 - alpha) * step_noise
        pooled = np.sqrt(alpha) * pooled + np.sqrt(1 - alpha) * step_noise
    gamma = torch.tensor([SCHEDULE.gamma[t]])
    epsilon = torch.from_numpy(pooled) / (1 - gamma).sqrt()
    found = process.q_sample(torch.from_numpy(y_0), gamma, epsilon)
    np.testing.assert_allclose(found.numpy(), y, atol=1e-12)


def test_gamma_is_drawn_within_its_step_for_each_example():
    uniforms = torch.rand(20_000, 2, dtype=torch.float64, generator=torch.manual_seed(0))
    gamma = process.sample_gamma(SCHEDULE, uniforms).numpy()
    t = 1 + np.floor(uniforms[:, 0].numpy() * 50).astype(int)
    assert np.all(gamma <= SCHEDULE.gamma[t - 1])
    assert np.all(gamma >= SCHEDULE.gamma[t])
    assert len(np.unique(gamma)) > 19_900
    share = (gamma - SCHEDULE.gamma[t - 1]) / (SCHEDULE.gamma[t] - SCHEDULE.gamma[t - 1])
    assert np.abs(share - uniforms[:, 1].numpy()).max() < 1e-9
    counts = np.bincount(t, minlength=51)[1:]
    assert counts.min() > 300  # 400 expected each; 300 is five standard deviations below
    assert counts.max() < 500


def test_gamma_covers_both_ends():
    ends = torch.tensor([[0.0, 0.0], [1 - 1e-16, 1 - 1e-16]], dtype=torch.float64)
    gamma = process.sample_gamma(SCHEDULE, ends)
    assert gamma[0] == 1
    assert float(gamma[1]) == pytest.approx(SCHEDULE.gamma[-1])


@pytest.mark.parametrize("power", [1, 2])
def test_loss_is_the_mean_power_of_the_difference_per_example(power):
    rng = np.random.default_rng(3)
    output, wanted = rng.normal(size=(2, 4, 3, 5, 5))
    found = process.loss_per_image(torch.from_numpy(output), torch.from_numpy(wanted), power)
    by_hand = (np.abs(output - wanted) ** power).reshape(4, -1).mean(axis=1)
    np.testing.assert_allclose(found.numpy(), by_hand, rtol=1e-6)


def test_min_snr_weighs_the_clean_estimate_alike_under_every_objective():
    """Weight times squared error, all in units of the y_0 error, is min(SNR, 5) everywhere."""
    gamma = torch.linspace(0.001, 0.999, 300, dtype=torch.float64)
    snr = gamma / (1 - gamma)
    error_in_y0 = {"x0": torch.ones_like(snr), "epsilon": snr, "v": snr + 1}
    for objective, factor in error_in_y0.items():
        weight = process.loss_weight(objective, gamma, 5.0)
        torch.testing.assert_close(weight * factor, snr.clamp(max=5.0))
        assert torch.equal(process.loss_weight(objective, gamma, None), torch.ones_like(gamma))
