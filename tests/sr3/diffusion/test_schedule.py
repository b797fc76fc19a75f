"""Noise schedules against numbers computed elsewhere and against what any schedule must hold."""

import numpy as np
import pytest

from sr3.diffusion import schedule

# (t, gamma_t or 1 - gamma_t) from mpmath 1.3.0 with 50 digits, straight from the definitions.
GOLDEN_LOW_NOISE = {
    "linear:2000": (1.0e-6, 7.00199499849924962e-6),
    "quadratic:2000": (1.0e-6, 2.10150112534906773e-6),
    "cosine:2000": (0.0000200351333683056144, 0.0000412842248217778024),
}
GOLDEN_GAMMA = {
    "linear:2000": {1000: 0.0817837920516913292, 2000: 0.0000438597823613320933},
    "quadratic:2000": {1000: 0.42000836591543819, 2000: 0.00116393574953178032},
    "cosine:2000": {1000: 0.493843590440637713, 2000: 6.07192095383561247e-10},
}
SPECS = ["linear:2000", "quadratic:2000", "cosine:2000", "logsnr:16", "linear:7", "logsnr:1"]


@pytest.mark.parametrize("spec", sorted(GOLDEN_GAMMA))
def test_golden_numbers(spec):
    made = schedule.make(spec)
    assert made.num_steps == 2000
    # 1 - gamma loses digits by cancellation: 1e-16 absolute is all that float64 can give.
    assert 1 - made.gamma[[1, 2]] == pytest.approx(GOLDEN_LOW_NOISE[spec], abs=3e-16)
    for t, gamma in GOLDEN_GAMMA[spec].items():
        assert made.gamma[t] == pytest.approx(gamma, rel=1e-11)


@pytest.mark.parametrize("spec", SPECS)
def test_alpha_beta_and_gamma_agree(spec):
    made = schedule.make(spec)
    assert made.gamma.dtype == np.float64
    assert made.gamma[0] == 1
    assert np.all(np.diff(made.gamma) < 0)
    assert np.cumprod(made.alpha) == pytest.approx(made.gamma, rel=1e-10)
    assert np.all((made.beta[1:] > 0) & (made.beta[1:] < 1))
    assert made.alpha + made.beta == pytest.approx(np.ones(made.num_steps + 1))


def test_linear_beta_is_linear_between_its_ends():
    beta = schedule.linear(2000).beta[1:]
    assert beta[[0, -1]] == pytest.approx([1e-6, 1e-2], rel=1e-9)
    assert np.diff(beta) == pytest.approx(np.full(1999, (1e-2 - 1e-6) / 1999), rel=1e-6)


@pytest.mark.parametrize("spec", ["linear:2000", "cosine:2000"])
def test_training_schedules_end_near_pure_noise(spec):
    """A schedule that ends at 0.078 tints the output: no training schedule may."""
    assert schedule.make(spec).gamma[-1] < 1e-4


@pytest.mark.parametrize("num_steps", [1, 4, 100, 2000])
def test_respacing_keeps_both_ends_and_takes_gammas_from_the_original(num_steps):
    full = schedule.linear(2000)
    few = schedule.respace(full, num_steps)
    assert few.num_steps == num_steps
    assert few.gamma[-1] == full.gamma[-1]
    assert set(few.gamma) <= set(full.gamma)


@pytest.mark.parametrize("spec", ["linear", "round:10", "linear:ten", "linear:10:1:2:3", ""])
def test_an_unreadable_spec_names_what_is_wrong(spec):
    with pytest.raises(ValueError):
        schedule.make(spec)


@pytest.mark.parametrize("gamma", [[1.0], [0.9, 0.5], [1.0, 0.5, 0.5], [1.0, 0.0], [1.0, 1.2]])
def test_gammas_that_are_no_schedule_are_refused(gamma):
    with pytest.raises(ValueError):
        schedule.Schedule(np.array(gamma), "bad")


@pytest.mark.parametrize("num_steps", [0, 2001])
def test_respacing_refuses_what_is_not_there(num_steps):
    with pytest.raises(ValueError):
        schedule.respace(schedule.linear(2000), num_steps)
