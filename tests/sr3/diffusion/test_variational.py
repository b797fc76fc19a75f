"""A learned variance and its bound, against scipy and torch's distributions, written out apart."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from sr3.diffusion import schedule, variational

T = 50
COSINE = schedule.make(f"cosine:{T}")


def draws(seed, shape=(T, 3, 4, 4)):
    """y_0 of 8-bit values, y_t, a prediction and a share, one example for each t."""
    generator = torch.Generator().manual_seed(seed)
    levels = torch.randint(0, 256, shape, generator=generator).double()
    levels[:, 0, 0] = 0.0
    levels[:, 1, 0] = 255.0
    others = [torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(3)]
    y_0 = levels / 127.5 - 1
    return y_0, y_0 + others[0], (y_0 + 0.1 * others[1]), others[2].sigmoid()


def written_out(y_0, y_t, y_0_pred, share, t):
    """Bits per value of one example at step t by Nichol & Dhariwal's definitions."""
    alpha_bar, alpha_bar_before = COSINE.gamma[t], COSINE.gamma[t - 1]
    beta = 1 - alpha_bar / alpha_bar_before
    tilde = beta * (1 - alpha_bar_before) / (1 - alpha_bar)

    def mean(start):
        return (
            math.sqrt(alpha_bar_before) * beta / (1 - alpha_bar) * start
            + math.sqrt(1 - beta) * (1 - alpha_bar_before) / (1 - alpha_bar) * y_t
        )

    if t == 1:
        second = 1 - COSINE.gamma[2] / COSINE.gamma[1]
        tilde = second * (1 - COSINE.gamma[1]) / (1 - COSINE.gamma[2])
    sigma = np.exp(0.5 * (share * np.log(beta) + (1 - share) * np.log(tilde)))
    if t > 1:
        p = torch.distributions.Normal(torch.tensor(mean(y_0)), math.sqrt(tilde))
        q = torch.distributions.Normal(torch.tensor(mean(y_0_pred)), torch.tensor(sigma))
        return float(torch.distributions.kl_divergence(p, q).mean()) / math.log(2)
    high = np.where(y_0 > 0.999, np.inf, y_0 + 1 / 255)
    low = np.where(y_0 < -0.999, -np.inf, y_0 - 1 / 255)
    normal = stats.norm(mean(y_0_pred), sigma)
    return -float(np.log(np.maximum(normal.cdf(high) - normal.cdf(low), 1e-12)).mean()) / math.log(
        2
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_the_bound_is_the_sum_of_textbook_terms(seed):
    parts = draws(seed)
    t = torch.arange(1, T + 1)
    found = variational.bound(*parts, variational.step_of(COSINE, t, parts[0]))
    apart = [written_out(*(part[i].numpy() for part in parts), t=i + 1) for i in range(T)]
    np.testing.assert_allclose(found.numpy(), apart, rtol=1e-9)


def test_the_bound_in_float32_agrees():
    parts = draws(2)
    t = torch.arange(1, T + 1)
    exact = variational.bound(*parts, variational.step_of(COSINE, t, parts[0]))
    single = tuple(part.float() for part in parts)
    found = variational.bound(*single, variational.step_of(COSINE, t, single[0]))
    torch.testing.assert_close(found.double()[1:], exact[1:], rtol=2e-3, atol=1e-5)
    assert float(found[0] - exact[0]) == pytest.approx(0, abs=0.02)


def test_a_perfect_prediction_with_the_posterior_variance_costs_nothing():
    y_0, y_t, _, share = draws(3)
    t = torch.arange(2, T + 1)
    step = variational.step_of(COSINE, t, y_0)
    found = variational.bound(y_0[1:], y_t[1:], y_0[1:], torch.zeros_like(share[1:]), step)
    assert float(found.abs().max()) < 1e-12


@pytest.mark.parametrize("text", ["cosine:50", "linear:1000", "cosine:1000", "linear:1"])
def test_the_variance_lies_between_beta_and_the_posteriors(text):
    made = schedule.make(text)
    log_beta, log_posterior = variational.log_variances(made)
    assert np.all(log_posterior[2:] < log_beta[2:])
    share = torch.linspace(-200, 200, 101, dtype=torch.float64).sigmoid()
    for t in range(1, made.num_steps + 1, max(1, made.num_steps // 40)):
        log_variance = variational.between(share, float(log_beta[t]), float(log_posterior[t]))
        low, high = sorted((log_beta[t], log_posterior[t]))
        assert float(log_variance.min()) >= low - 1e-12
        assert float(log_variance.max()) <= high + 1e-12


def test_levels_of_a_picture_are_all_of_what_there_is():
    """The likelihoods of the 256 levels add up to 1 whatever the Gaussian."""
    levels = torch.arange(256, dtype=torch.float64) / 127.5 - 1
    for mean, log_variance in ((0.3, -3.0), (-1.2, -1.0), (1.0, -6.0)):
        found = variational.discretised_log_likelihood(
            levels, torch.full_like(levels, mean), torch.full_like(levels, log_variance)
        )
        assert float(found.exp().sum()) == pytest.approx(1, abs=1e-8)
