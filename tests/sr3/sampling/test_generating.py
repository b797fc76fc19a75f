"""Generators: a Gaussian's moments, guidance, classes, learned variance, keyed noise."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from sr3.base.errors import InputError
from sr3.base.rng import generator_of
from sr3.diffusion import samplers, schedule
from sr3.networks.model import Model, ModelSpec
from sr3.networks.presets import PRESETS
from sr3.pictures import images
from sr3.sampling import contact_sheet, upscaling
from sr3.sampling.generating import Guided, check, generate, label_of, resolved

CLASSES = ("cat", "dog", "eel")
TINY = PRESETS["tiny-gen"]


def spec_of(**changes):
    unet = replace(TINY, classes=3, learn_variance=changes.pop("learn_variance", False))
    values = {"classes": CLASSES, "label_dropout": 0.1, "steps": 4, "sampler": "ancestral"}
    values |= {"training_schedule": "cosine:100", "objective": "v"} | changes
    if not values["classes"]:
        unet = replace(unet, classes=0)
    return ModelSpec(unet, "generator", 1, **values)


def model_of(seed=0, **changes):
    torch.manual_seed(seed)
    model = Model(spec_of(**changes)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def noises(*indices):
    return [generator_of(0, "generate", i) for i in indices]


class Oracle(nn.Module):
    """The perfect epsilon for y_0 ~ N(mean, deviation^2), whatever the picture."""

    def __init__(self, mean, deviation):
        super().__init__()
        self.mean, self.variance, self.stem = mean, deviation**2, nn.Linear(1, 1)

    def forward(self, lr_up, y_t, gamma, levels=None, labels=None):
        assert lr_up.shape == (len(y_t), 0, *y_t.shape[2:])
        gamma = gamma.view(-1, 1, 1, 1)
        gain = gamma.sqrt() * self.variance / (gamma * self.variance + 1 - gamma)
        y_0 = self.mean + gain * (y_t - gamma.sqrt() * self.mean)
        epsilon = (y_t - gamma.sqrt() * y_0) / (1 - gamma).sqrt()
        wide = torch.zeros_like(epsilon)  # the middle of eq. 15
        return torch.cat([epsilon, wide], dim=1).float()


@pytest.mark.parametrize("name", sorted(samplers.INFO))
def test_the_mean_and_variance_of_a_gaussian_are_met(name):
    model = Model(spec_of(objective="epsilon", learn_variance=True, classes=(), label_dropout=0.0))
    model.network = Oracle(0.2, 0.15)
    out = generate(model, None, noises(*range(64)), name, 100, "float32").double()
    assert float(out.mean()) == pytest.approx(0.2, abs=0.01)
    off = 0.12 if name == "posterior" else 0.05  # eq. 4's variance is the smaller one
    assert float(out.std()) == pytest.approx(0.15, rel=off)
    between_pictures = out.std(dim=0).square().mean().sqrt()
    assert float(between_pictures) == pytest.approx(0.15, rel=off)


@pytest.mark.parametrize(("share", "like"), [(1.0, "ancestral"), (0.0, "ddim")])
def test_the_ends_of_the_learned_variance_are_algorithm_2_and_the_posterior(share, like):
    steps = schedule.respace(schedule.cosine(1000), 20)
    options = {"eta": 1.0} if like == "ddim" else {}

    def noise(seed=[0]):  # noqa: B006
        seed[0] += 1
        generator = torch.Generator().manual_seed(seed[0] % 20)
        return torch.randn(2, 1, 4, 4, generator=generator, dtype=torch.float64)

    plain = samplers.get(like, **options)(lambda y, _: 0.3 * y.tanh(), steps, noise)
    learned = samplers.ancestral_learned(
        lambda y, _: (0.3 * y.tanh(), torch.full_like(y, share)), steps, noise
    )
    torch.testing.assert_close(learned, plain, rtol=1e-9, atol=1e-9)


def test_guidance_0_is_the_class_alone_and_1_goes_as_far_again():
    model = model_of(learn_variance=True)
    y, labels = torch.randn(3, 3, 8, 8), torch.tensor([0, 1, 2])
    gammas = torch.full((3,), 0.4, dtype=torch.float64)
    none = torch.full_like(labels, -1)
    with torch.no_grad():
        given, share = model.estimate(y[:, :0], y, gammas, labels)
        free, _ = model.estimate(y[:, :0], y, gammas, none)
        found, found_share = Guided(model, labels, 0.0, "float32").estimate(y, 0.4)
        assert torch.equal(found, given.clamp(-1, 1))
        assert torch.equal(found_share, share)
        guided, guided_share = Guided(model, labels, 1.0, "float32").estimate(y, 0.4)

    def epsilon(y_0):
        return (y - 0.4**0.5 * y_0) / 0.6**0.5

    wanted = (y - 0.6**0.5 * (2 * epsilon(given) - epsilon(free))) / 0.4**0.5
    torch.testing.assert_close(guided, wanted.clamp(-1, 1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(guided_share, share, rtol=1e-4, atol=1e-5)


def test_class_labels_reach_the_network():
    model = model_of()
    one = [generate(model, [label], noises(5)) for label in (0, 1, 2, -1)]
    assert all(not torch.equal(a, b) for i, a in enumerate(one) for b in one[:i])
    with torch.no_grad():
        y, gamma = torch.randn(1, 3, 8, 8), torch.tensor([0.5], dtype=torch.float64)
        unsaid = model.network(y[:, :0], y, gamma)
        assert torch.equal(unsaid, model.network(y[:, :0], y, gamma, None, torch.tensor([-1])))


@pytest.mark.parametrize("learn_variance", [False, True])
def test_a_picture_depends_on_its_own_seed_alone(learn_variance):
    model = model_of(learn_variance=learn_variance)
    whole = generate(model, [0, 1, 2, 0], noises(0, 1, 2, 3))
    apart = generate(model, [2], noises(2))
    torch.testing.assert_close(apart[0], whole[2], rtol=1e-4, atol=1e-5)
    assert not torch.equal(generate(model, [2], noises(9)), apart)


def test_only_the_ancestral_sampler_takes_the_learned_variance():
    """The head of the variance changes ancestral samples and no others."""
    model = model_of(learn_variance=True)
    for name in samplers.INFO:
        before = generate(model, [0], noises(0), name, 4)
        bias = model.network.head.bias
        with torch.no_grad():
            bias[3:] += 4
        after = generate(model, [0], noises(0), name, 4)
        with torch.no_grad():
            bias[3:] -= 4
        assert torch.equal(before, after) == (name != "ancestral"), name


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="wanted a generator"):
        check(ModelSpec(PRESETS["tiny"], "sr3", 4), 0.0)
    with pytest.raises(InputError, match="without classes"):
        check(spec_of(classes=(), label_dropout=0.0), 1.0)
    with pytest.raises(InputError, match="label_dropout"):
        check(spec_of(label_dropout=0.0), 1.0)
    with pytest.raises(InputError, match=r"0 \(none\) or more"):
        check(spec_of(), -1.0)
    with pytest.raises(InputError, match="cat, dog, eel, or none"):
        label_of(spec_of(), "owl")
    with pytest.raises(InputError, match="leave out --class"):
        label_of(spec_of(classes=(), label_dropout=0.0), "cat")
    with pytest.raises(InputError, match=r"wanted one of: cat, dog, eel$"):
        label_of(spec_of(label_dropout=0.0), "none")
    with pytest.raises(InputError, match="sampler"):
        resolved(spec_of(), "euler")
    with pytest.raises(InputError, match=r"use sr3\.generate"):
        upscaling.upscale(model_of(), torch.zeros(1, 3, 8, 8), noises(0))


def test_a_sheet_holds_every_picture_once():
    grey = torch.linspace(-1, 1, 11).view(11, 1, 1, 1).expand(11, 3, 8, 8)
    sheet = contact_sheet.draw({"cat": grey, "": grey[:2]})
    assert sheet.shape == (14 + 2 * 64 + 64, 8 * 64, 3)
    wanted = images.to_uint8(grey[:8])[:, 0, 0, 0]
    assert sheet[14 + 32, 32::64, 0].tolist() == wanted.tolist()
    assert sheet[14 + 64 + 32, 3 * 64 + 32, 0] == 255
