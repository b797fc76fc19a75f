"""Every objective: a perfect network has no loss, and all of them imply one y_0 estimate."""

import pytest
import torch
from torch import nn

from sr3.diffusion import process
from sr3.networks.model import Model, ModelSpec
from sr3.networks.presets import PRESETS

GAMMA = torch.tensor([0.999999, 0.9, 0.5, 0.02, 1e-4], dtype=torch.float64)


def draws(seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (len(GAMMA), 3, 8, 8)
    y_0 = torch.rand(shape, generator=generator, dtype=torch.float64) * 2 - 1
    return y_0, torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("objective", process.OBJECTIVES)
def test_a_perfect_network_has_no_loss(objective, power):
    """Perfect means: it knows y_0, and returns what the objective asks for by eq. 5 alone."""
    y_0, epsilon = draws()
    y_t = process.q_sample(y_0, GAMMA, epsilon)
    implied = process.epsilon_from_y0(y_0, y_t, GAMMA)
    output = process.target(objective, y_0, implied, GAMMA)
    wanted = process.target(objective, y_0, epsilon, GAMMA)
    assert process.loss_per_image(output, wanted, power).max() < 1e-6
    spoiled = process.loss_per_image(output + 0.1, wanted, power)
    assert spoiled.min() > 0.09**power


@pytest.mark.parametrize("objective", process.OBJECTIVES)
def test_every_objective_gives_back_the_same_clean_picture(objective):
    y_0, epsilon = draws()
    y_t = process.q_sample(y_0, GAMMA, epsilon)
    output = process.target(objective, y_0, epsilon, GAMMA)
    found = process.predict_y0(objective, output, y_t, GAMMA)
    torch.testing.assert_close(found, y_0, rtol=0, atol=1e-9)


def test_an_imperfect_output_implies_one_estimate_under_every_objective():
    """The same wrong belief about y_0, spoken in each objective, is heard as the same y_0."""
    y_0, epsilon = draws()
    y_t = process.q_sample(y_0, GAMMA, epsilon)
    belief = y_0 + 0.1 * draws(1)[1]
    believed_epsilon = process.epsilon_from_y0(belief, y_t, GAMMA)
    for objective in process.OBJECTIVES:
        output = process.target(objective, belief, believed_epsilon, GAMMA)
        found = process.predict_y0(objective, output, y_t, GAMMA)
        torch.testing.assert_close(found, belief, rtol=0, atol=1e-8)


class Oracle(nn.Module):
    """A network that knows the answer."""

    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, lr_up, y_t, gamma, condition_levels=None):
        return self.output


@pytest.mark.parametrize("residual_scale", [None, 0.15])
@pytest.mark.parametrize("objective", process.OBJECTIVES)
def test_a_model_turns_a_perfect_output_into_the_picture(objective, residual_scale):
    hr, epsilon = draws()
    lr_up = hr + 0.05 * draws(2)[1]
    spec = ModelSpec(PRESETS["tiny"], "sr3", 8, objective, residual_scale)
    model = Model(spec)
    y_0 = model.encode(hr, lr_up)
    model.network = Oracle(process.target(objective, y_0, epsilon, GAMMA))
    y_t = process.q_sample(y_0, GAMMA, epsilon)
    picture = model.decode(model.predict_y0(lr_up, y_t, GAMMA), lr_up)
    torch.testing.assert_close(picture, hr, rtol=0, atol=1e-8)


def test_the_residual_target_is_the_scaled_difference_to_the_condition():
    hr, lr_up = draws()
    model = Model(ModelSpec(PRESETS["tiny"], "sr3", 8, "v", 0.5))
    torch.testing.assert_close(model.encode(hr, lr_up), 2 * (hr - lr_up))


@pytest.mark.parametrize("objective", ["x0", "v"])
def test_regression_is_the_network_at_pure_noise(objective):
    """At gamma = 0 both objectives leave y_0 readable: as it is, or negated."""
    hr, lr_up = draws()
    model = Model(ModelSpec(PRESETS["tiny"], "regression", 8, objective, 0.15))
    y_0 = model.encode(hr, lr_up)
    model.network = Oracle(y_0 if objective == "x0" else -y_0)
    torch.testing.assert_close(model.regress(lr_up), hr, rtol=0, atol=1e-6)


def test_a_spec_survives_json():
    spec = ModelSpec(PRESETS["tiny"], "sr3", 8, "v", 0.15, "cosine:2000", "ddim", 8)
    assert ModelSpec.from_json(spec.to_json()) == spec
