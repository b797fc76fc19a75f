"""Samplers against a Gaussian whose posterior, probability flow and moments are known exactly."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from sr3.base.errors import InputError
from sr3.diffusion import process, samplers, schedule
from sr3.diffusion.projection import axis_matrix
from sr3.diffusion.schedule import Schedule

SIDE = 8  # of a one-row picture with one channel: a Gaussian of 8 dimensions


class Gaussian:
    """y_0 ~ N(mean, covariance), and what a perfect network says of it."""

    def __init__(self, mean: Tensor, covariance: Tensor) -> None:
        self.mean, self.covariance = mean, covariance
        self.values, self.vectors = torch.linalg.eigh(covariance)
        self.values = self.values.clamp(min=0)

    def denoise(self, y: Tensor, gamma: float) -> Tensor:
        """E[y_0 given y_t] for rows y (B, 1, 1, SIDE)."""
        gain = gamma**0.5 * self.values / (gamma * self.values + 1 - gamma)
        away = (y - gamma**0.5 * self.mean) @ self.vectors
        return self.mean + (away * gain) @ self.vectors.T

    def flow(self, y_T: Tensor, gamma: float) -> Tensor:
        """Where the probability flow ODE takes y_T: whitened coordinates do not change."""
        white = (y_T - gamma**0.5 * self.mean) @ self.vectors
        white = white / (gamma * self.values + 1 - gamma).sqrt()
        return self.mean + (white * self.values.sqrt()) @ self.vectors.T


def prior() -> Gaussian:
    places = torch.arange(SIDE, dtype=torch.float64)
    covariance = 0.3 * torch.exp(-(places[:, None] - places[None, :]).abs() / 2)
    return Gaussian(torch.linspace(-0.5, 0.7, SIDE, dtype=torch.float64), covariance)


def posterior() -> tuple[Gaussian, Tensor, Tensor]:
    """The prior given an exact low-resolution row lr = A y_0: a singular Gaussian."""
    whole, matrix = prior(), axis_matrix(SIDE, 2)
    lr = matrix @ (whole.mean + 0.2)
    gain = whole.covariance @ matrix.T @ torch.linalg.inv(matrix @ whole.covariance @ matrix.T)
    mean = whole.mean + gain @ (lr - matrix @ whole.mean)
    covariance = whole.covariance - gain @ matrix @ whole.covariance
    return Gaussian(mean, (covariance + covariance.T) / 2), matrix, lr


def moments(gaussian: Gaussian, name: str, steps: Schedule, **options: float):
    """Exact mean and covariance of a sampler's output.

    A sampler is affine in its noise when the denoiser is, so running it once without noise gives
    the mean, and once per draw and dimension with unit noise gives a root of the covariance.
    """
    draws = steps.num_steps + 1
    calls = 0

    def noise() -> Tensor:
        nonlocal calls
        unit = torch.zeros(1 + draws * SIDE, 1, 1, SIDE, dtype=torch.float64)
        start = 1 + calls * SIDE
        unit[start : start + SIDE, 0, 0] = torch.eye(SIDE, dtype=torch.float64)
        calls += 1
        return unit

    run = samplers.get(name, **options)
    out = run(gaussian.denoise, steps, noise)[:, 0, 0]
    root = out[1:] - out[:1]
    return out[0], root.T @ root


def measured_order(errors: list[float]) -> float:
    """Slope of log error against log step over doublings of the step count."""
    return -float(np.polyfit(np.arange(len(errors)), np.log2(errors), 1)[0])


def steps_of(count: int) -> Schedule:
    return schedule.log_snr_uniform(count, 24.0, -24.0)


@pytest.mark.parametrize(
    ("name", "order"), [("ddim", 1), ("dpmpp-2m", 2), ("heun", 2), ("unipc", 3)]
)
def test_the_probability_flow_is_followed_with_the_order_of_the_method(name, order):
    gaussian, errors = prior(), []
    y_T = torch.randn(64, 1, 1, SIDE, dtype=torch.float64, generator=torch.manual_seed(1))
    for count in (64, 128, 256):
        steps = steps_of(count)
        out = samplers.get(name)(gaussian.denoise, steps, lambda: y_T)
        errors.append(float((out - gaussian.flow(y_T, steps.gamma[-1])).norm() / y_T.norm()))
    assert errors[-1] < 0.03
    assert measured_order(errors) == pytest.approx(order, abs=0.35)


@pytest.mark.parametrize("name", sorted(samplers.INFO))
def test_mean_and_covariance_of_a_gaussian_are_recovered(name):
    gaussian = prior()
    mean, covariance = moments(gaussian, name, steps_of(200))
    assert torch.allclose(mean, gaussian.mean, atol=0.01)
    scale = gaussian.covariance.diagonal().max()
    worst = (covariance - gaussian.covariance).abs().max() / scale
    assert worst < (0.15 if name in ("ancestral", "ddim", "posterior") else 0.03)


@pytest.mark.parametrize(
    ("name", "order"),
    [("ancestral", 1), ("posterior", 1), ("ddim", 1), ("dpmpp-2m", 2), ("dpmpp-2m-sde", 2)],
)
def test_the_covariance_converges_with_the_order_of_the_method(name, order):
    gaussian, errors = prior(), []
    for count in (60, 120, 240):
        _, covariance = moments(gaussian, name, steps_of(count))
        errors.append(float((covariance - gaussian.covariance).norm()))
    assert measured_order(errors) == pytest.approx(order, abs=0.35)


@pytest.mark.parametrize("eta", [0.5, 1.0])
@pytest.mark.parametrize("name", ["ddim", "dpmpp-2m"])
def test_fresh_noise_keeps_the_distribution(name, eta):
    gaussian = prior()
    _, covariance = moments(gaussian, name, steps_of(200), eta=eta)
    assert (covariance - gaussian.covariance).abs().max() < 0.12 * gaussian.covariance.max()


@pytest.mark.parametrize("name", sorted(samplers.INFO))
def test_super_resolution_of_a_gaussian_samples_its_posterior(name):
    gaussian, matrix, lr = posterior()
    mean, covariance = moments(gaussian, name, steps_of(200))
    assert torch.allclose(mean, gaussian.mean, atol=0.01)
    assert torch.allclose(matrix @ mean, lr, atol=1e-6)
    assert (matrix @ covariance @ matrix.T).abs().max() < 1e-6, "no spread where lr decides"
    assert (covariance - gaussian.covariance).abs().max() < 0.15 * prior().covariance.max()


def test_algorithm_2_adds_the_paper_s_variance_and_not_the_posterior_s():
    """Two steps by hand from eq. 11 with variance 1 - alpha_t."""
    steps = Schedule(np.array([1.0, 0.8, 0.3]), "by hand")
    draws = iter([torch.tensor([0.5]).double(), torch.tensor([-1.0]).double()])
    out = samplers.ancestral(lambda y, gamma: 0.25 * y, steps, lambda: next(draws))
    y_2, alpha_2 = 0.5, 0.3 / 0.8
    epsilon = (y_2 - 0.3**0.5 * 0.25 * y_2) / 0.7**0.5
    mu = (y_2 - (1 - alpha_2) / 0.7**0.5 * epsilon) / alpha_2**0.5
    y_1 = mu - (1 - alpha_2) ** 0.5
    assert float(out) == pytest.approx(0.25 * y_1, abs=1e-12)


def test_ddim_with_eta_1_is_the_posterior_of_eq_4():
    steps = Schedule(np.array([1.0, 0.8, 0.3]), "by hand")
    draws = iter([torch.tensor([0.5]).double(), torch.tensor([-1.0]).double()])
    out = samplers.ddim(lambda y, gamma: 0.25 * y, steps, lambda: next(draws), eta=1.0)
    y_2 = torch.tensor([0.5]).double()
    mean, variance = process.posterior(0.25 * y_2, y_2, steps, 2)
    assert float(out) == pytest.approx(float(0.25 * (mean - variance**0.5)), abs=1e-12)


def test_the_posterior_sampler_is_ddim_with_eta_1():
    steps = schedule.linear(20, 1e-4, 0.2)
    noise = torch.randn(20, 3, dtype=torch.float64, generator=torch.manual_seed(0))
    ends = [
        samplers.get(name, eta)(lambda y, gamma: 0.25 * y, steps, partial(next, iter(noise)))
        for name, eta in (("posterior", None), ("ddim", 1.0))
    ]
    assert torch.allclose(*ends, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", sorted(samplers.INFO))
def test_one_step_returns_the_first_estimate(name):
    steps = schedule.log_snr_uniform(1)
    y_T = torch.full((2, 1, 1, 1), 0.4).double()
    out = samplers.get(name)(lambda y, gamma: 0.25 * y, steps, lambda: y_T)
    assert torch.allclose(out, 0.25 * y_T)


@pytest.mark.parametrize("name", sorted(samplers.INFO))
def test_the_stated_cost_is_the_number_of_evaluations(name):
    calls = 0

    def denoise(y: Tensor, gamma: float) -> Tensor:
        nonlocal calls
        calls += 1
        return 0.5 * y

    samplers.get(name)(denoise, schedule.log_snr_uniform(5), lambda: torch.ones(1, 1, 1, 1))
    assert calls == samplers.INFO[name].cost(5)


def test_unknown_samplers_and_misplaced_eta_are_refused():
    with pytest.raises(InputError, match="wanted one of: ancestral, ddim"):
        samplers.get("euler")
    with pytest.raises(InputError, match="takes none: use ddim"):
        samplers.get("unipc", eta=0.5)
    with pytest.raises(InputError, match="wanted 0"):
        samplers.get("ddim", eta=1.5)


def diffusers_samples(scheduler, gaussian: Gaussian, draws: list[Tensor], num_steps: int):
    scheduler.set_timesteps(num_steps)
    y, rest = draws[0] * float(scheduler.init_noise_sigma), iter(draws[1:])
    for t in scheduler.timesteps:
        gamma = float(scheduler.alphas_cumprod[int(t)])
        y_0 = gaussian.denoise(scheduler.scale_model_input(y, t), gamma)
        extra = {}
        if type(scheduler).__name__ == "DPMSolverMultistepScheduler":
            extra = {"variance_noise": next(rest, torch.zeros_like(y))}
        y = scheduler.step(y_0, t, y, **extra).prev_sample
    return y


@pytest.mark.filterwarnings("ignore::DeprecationWarning:diffusers")
@pytest.mark.parametrize("name", ["ddim", "dpmpp-2m", "dpmpp-2m-sde", "heun", "unipc"])
def test_diffusers_agrees(name):
    """diffusers keeps its coefficients in float32, hence the tolerance."""
    diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed")
    steps = schedule.log_snr_uniform(12, 5.0, -6.0)
    common = {
        "num_train_timesteps": 12,
        "trained_betas": steps.beta[1:].astype(np.float64),
        "prediction_type": "sample",
    }
    make = {
        "ddim": lambda: diffusers.DDIMScheduler(
            **common, clip_sample=False, set_alpha_to_one=True, timestep_spacing="leading"
        ),
        "dpmpp-2m": lambda: diffusers.DPMSolverMultistepScheduler(
            **common, final_sigmas_type="zero", timestep_spacing="trailing"
        ),
        "dpmpp-2m-sde": lambda: diffusers.DPMSolverMultistepScheduler(
            **common,
            algorithm_type="sde-dpmsolver++",
            final_sigmas_type="zero",
            timestep_spacing="trailing",
        ),
        "heun": lambda: diffusers.HeunDiscreteScheduler(**common, timestep_spacing="trailing"),
        "unipc": lambda: diffusers.UniPCMultistepScheduler(
            **common, final_sigmas_type="zero", timestep_spacing="trailing", solver_type="bh2"
        ),
    }[name]
    gaussian, generator = prior(), torch.manual_seed(2)
    draws = [
        torch.randn(4, 1, 1, SIDE, dtype=torch.float64, generator=generator) for _ in range(12)
    ]
    rest = iter(draws)
    ours = samplers.get(name)(gaussian.denoise, steps, lambda: next(rest))
    theirs = diffusers_samples(make(), gaussian, draws, 12)
    assert math.isfinite(float(theirs.norm()))
    assert torch.allclose(ours, theirs, atol=2e-3), (ours - theirs).abs().max()
