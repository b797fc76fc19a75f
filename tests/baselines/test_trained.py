"""SR3 and its twin as systems: the sampler itself, whatever the batch, with provenance."""

import pytest
import torch

from baselines.protocol import SystemOptions, load
from sr3.base.errors import InputError
from sr3.base.files import sha256_of_file
from sr3.base.rng import generator_of
from sr3.networks import start as starts
from sr3.networks.checkpoint import save_model
from sr3.networks.model import Model, ModelSpec
from sr3.networks.presets import PRESETS
from sr3.sampling.upscaling import upscale


@pytest.fixture
def weights(tmp_path):
    """A function that writes an untrained tiny model of a task."""

    def write(task, scale=4):
        torch.manual_seed(0)
        spec = ModelSpec(
            PRESETS["tiny"], task, scale, objective="v", training_schedule="linear:20", steps=3
        )
        model = Model(spec)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.05)
        path = tmp_path / f"{task}.safetensors"
        save_model(path, spec, model.network.state_dict(), {}, half=False)
        return path

    return write


def options(path, **more):
    return SystemOptions(weights=None, scale=4, checkpoint=path, precision="float32", **more)


@pytest.fixture
def lr():
    return torch.rand(3, 3, 8, 8, generator=torch.manual_seed(1)) * 2 - 1


def generators(indices):
    return [generator_of(0, i) for i in indices]


@pytest.mark.parametrize("task", ["sr3", "regression"])
def test_it_is_the_samplers_output(task, weights, lr):
    system = load(task, options(weights(task)))
    ours = system.upscale(lr, generators(range(3)))
    theirs = upscale(system.model, lr, generators(range(3)), precision="float32")
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    assert ours.shape == (3, 3, 32, 32)


def test_an_image_does_not_depend_on_its_batch(weights, lr):
    system = load("sr3", options(weights("sr3")))
    together = system.upscale(lr, generators(range(3)))
    alone = torch.cat([system.upscale(lr[i : i + 1], generators([i])) for i in range(3)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_options_reach_the_sampler_and_the_provenance(weights, lr):
    path = weights("sr3")
    default = load("sr3", options(path))
    other = load("sr3", options(path, sampler="ddim", steps=2, consistent=True))
    assert default.provenance["checkpoint_sha256"] == sha256_of_file(path)
    assert (default.provenance["sampler"], default.provenance["steps"]) == ("ancestral", 3)
    assert (other.provenance["sampler"], other.provenance["steps"]) == ("ddim", 2)
    assert other.provenance["consistent"]
    assert default.provenance != other.provenance
    first, second = (s.upscale(lr, generators(range(3))) for s in (default, other))
    assert not torch.allclose(first, second)


def test_the_twin_has_no_sampler_and_no_noise(weights, lr):
    system = load("regression", options(weights("regression")))
    assert system.provenance["sampler"] is None
    assert not system.stochastic
    first, second = (system.upscale(lr, generators(r)) for r in (range(3), range(3, 6)))
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_weights_of_another_kind_or_scale_are_refused(weights):
    with pytest.raises(InputError, match="found regression weights"):
        _ = load("sr3", options(weights("regression"))).provenance
    with pytest.raises(InputError, match="weights for scale 8"):
        _ = load("sr3", options(weights("sr3", scale=8))).provenance


def test_a_start_is_the_samplers_and_stands_in_the_provenance(weights, lr):
    twin = weights("regression")
    plain = load("sr3", options(weights("sr3")))
    started = load("sr3", options(weights("sr3"), start=f"{twin}@-1"))
    assert started.provenance["start"] == "regression@-1"
    assert started.provenance["start_sha256"] == sha256_of_file(twin)
    assert plain.provenance["start"] == "noise"
    ours = started.upscale(lr, generators(range(3)))
    start = starts.find(plain.model, plain.path, f"{twin}@-1")
    theirs = upscale(
        plain.model, lr, generators(range(3)), precision="float32", start=start
    )  # fmt: skip
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    assert not torch.allclose(ours, plain.upscale(lr, generators(range(3))), atol=0.01)


def test_a_run_that_starts_somewhere_leaves_its_twin_alone(weights, lr):
    system = load("regression", options(weights("regression"), start="none-such"))
    assert system.upscale(lr, []).shape == (3, 3, 32, 32)
