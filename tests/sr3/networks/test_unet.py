"""The network: sizes of Table 1, noise conditioning, gradients against float64."""

import dataclasses

import pytest
import torch

from sr3.diffusion import schedule
from sr3.networks.presets import PRESETS
from sr3.networks.unet import UNet, UNetConfig, count_parameters, noise_embedding

TABLE_1 = {  # millions of weights as published
    "paper-16-128": 550,
    "paper-64-256": 625,
    "paper-64-512": 625,
    "paper-256-1024": 150,
}
SMALL = UNetConfig(16, 16, (1, 2), 1, (8,), head_channels=16)


def network(config=SMALL, seed=0):
    """A network whose zero-initialised layers are filled, so that every weight matters."""
    torch.manual_seed(seed)
    net = UNet(config)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return net.eval()


def inputs(batch=2, side=16, dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    lr_up, y_t = torch.randn(2, batch, 3, side, side, generator=generator).to(dtype)
    return lr_up, y_t, torch.linspace(0.1, 0.99, batch, dtype=torch.float64)


@pytest.mark.parametrize("preset", sorted(TABLE_1))
def test_sizes_are_within_three_percent_of_the_paper(preset):
    assert count_parameters(PRESETS[preset]) / 1e6 == pytest.approx(TABLE_1[preset], rel=0.03)


def test_low_noise_levels_stay_apart_under_bf16():
    """The 100 least noisy levels: what the blocks see of them differs also after bf16."""
    net = network(PRESETS["small-16-128"])
    gamma = torch.from_numpy(schedule.linear(2000).gamma[1:101])
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        seen = net.embed_noise(gamma).to(torch.bfloat16)
        features = noise_embedding(gamma, 96).to(torch.bfloat16)
    assert len(torch.unique(features, dim=0)) == 100
    assert len(torch.unique(seen, dim=0)) == 100
    adjacent = (features[1:].float() - features[:-1].float()).abs().amax(dim=1)
    assert adjacent.min() > 0.05


def test_the_embedding_is_float32_whatever_the_autocast():
    gamma = torch.tensor([1.0, 0.5, 0.0], dtype=torch.float64)
    with torch.autocast("cpu", torch.bfloat16):
        found = noise_embedding(gamma, 32)
    assert found.dtype == torch.float32
    assert torch.equal(found, noise_embedding(gamma, 32))
    assert found.isfinite().all()


def test_the_output_depends_on_condition_noisy_picture_and_level():
    net, (lr_up, y_t, gamma) = network(), inputs()
    with torch.inference_mode():
        base = net(lr_up, y_t, gamma)
        assert base.shape == y_t.shape
        for changed in (
            net(lr_up + 0.1, y_t, gamma),
            net(lr_up, y_t + 0.1, gamma),
            net(lr_up, y_t, gamma * 0.5),
        ):
            assert (changed - base).abs().max() > 1e-4


def test_one_picture_does_not_depend_on_the_others():
    net, (lr_up, y_t, gamma) = network(), inputs(3)
    with torch.inference_mode():
        whole = net(lr_up, y_t, gamma)
        alone = net(lr_up[1:2], y_t[1:2], gamma[1:2])
    torch.testing.assert_close(whole[1:2], alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("patch", [1, 2])
def test_any_size_that_the_levels_can_halve_is_taken(patch):
    net = network(dataclasses.replace(SMALL, patch=patch))
    lr_up = torch.zeros(1, 3, 24, 8)
    with torch.inference_mode():
        assert net(lr_up, lr_up, torch.tensor([0.5]).double()).shape == lr_up.shape
    wrong = torch.zeros(1, 3, 17, 16)
    with pytest.raises(ValueError, match="17, 16"):
        net(wrong, wrong, torch.tensor([0.5]).double())


def loss_of(net, lr_up, y_t, gamma):
    return net(lr_up, y_t, gamma).square().sum()


def test_gradients_agree_with_float64():
    net, (lr_up, y_t, gamma) = network(), inputs()
    double = network().double()
    loss_of(net, lr_up, y_t, gamma).backward()
    loss_of(double, lr_up.double(), y_t.double(), gamma).backward()
    for (name, single), reference in zip(net.named_parameters(), double.parameters(), strict=True):
        scale = reference.grad.abs().max().clamp(min=1e-3)
        difference = (single.grad - reference.grad).abs().max()
        assert difference / scale < 2e-4, name


def test_float64_gradients_agree_with_finite_differences():
    """Along random directions through all weights, so no automatic derivative is trusted."""
    net, (lr_up, y_t, gamma) = network().double(), inputs(dtype=torch.float64)
    loss_of(net, lr_up, y_t, gamma).backward()
    parameters = list(net.parameters())
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        direction = [torch.randn(p.shape, generator=generator).double() for p in parameters]
        slope = sum(float((p.grad * d).sum()) for p, d in zip(parameters, direction, strict=True))
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                for p, d in zip(parameters, direction, strict=True):
                    p.add_(d, alpha=sign * 1e-6)
                values.append(float(loss_of(net, lr_up, y_t, gamma)))
                for p, d in zip(parameters, direction, strict=True):
                    p.sub_(d, alpha=sign * 1e-6)
        assert (values[0] - values[1]) / 2e-6 == pytest.approx(slope, rel=1e-5)


def test_bf16_stays_near_float32():
    net, (lr_up, y_t, gamma) = network(), inputs()
    with torch.inference_mode():
        exact = net(lr_up, y_t, gamma)
        with torch.autocast("cpu", torch.bfloat16):
            rough = net(lr_up, y_t, gamma)
    assert rough.dtype == torch.float32
    assert (rough - exact).abs().mean() / exact.abs().mean() < 0.03
