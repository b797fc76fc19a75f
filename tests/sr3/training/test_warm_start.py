"""What a training starts from where the networks differ a little."""

import pytest
import torch

from sr3.base.errors import InputError
from sr3.machine.processes import World
from sr3.networks import checkpoint
from sr3.training import config, trainer
from sr3.training.warm_start import ATTENTION, initialise

CPU = World(torch.device("cpu"))


def made(preset):
    settings = [f"preset={preset}", "ema=[0.1]", "snapshot_every=0"]
    return trainer.Trainer(config.build(config.read_recipe("real4x"), settings), CPU)


@pytest.fixture
def start(tmp_path):
    """Weights of the network with attention."""
    whole = made("small-faces-128")
    for weight in whole.network.parameters():
        torch.nn.init.normal_(weight, std=0.05)
    path = tmp_path / "start.safetensors"
    checkpoint.save_model(path, whole.model.spec, whole.network.state_dict(), {}, half=False)
    return path, whole.network.state_dict()


def test_attention_may_be_left_out(start):
    path, theirs = start
    ours = made("small-photos-128")
    initialise(ours, path)
    found = ours.network.state_dict()
    assert theirs.keys() - found.keys() == {n for n in theirs if ATTENTION in n and n not in found}
    assert theirs.keys() - found.keys()
    assert all(torch.equal(value, theirs[name]) for name, value in found.items())
    assert all(torch.equal(ours.ema[0].weights[n], theirs[n]) for n in ours.ema[0].weights)


def test_attention_may_start_as_new(start, tmp_path):
    path, _ = start
    without = made("small-photos-128")
    initialise(without, path)
    plain = tmp_path / "plain.safetensors"
    spec, weights = without.model.spec, without.network.state_dict()
    checkpoint.save_model(plain, spec, weights, {}, half=False)
    ours = made("small-faces-128")
    initialise(ours, plain)
    found = ours.network.state_dict()
    assert all(torch.equal(found[name], value) for name, value in weights.items())
    new = found.keys() - weights.keys()
    assert {name.rpartition(ATTENTION)[1] for name in new} == {ATTENTION}
    assert not any(found[name].any() for name in new if ".out." in name)


def test_another_network_is_refused(start):
    path, _ = start
    with pytest.raises(InputError, match="weights of another network"):
        initialise(made("small-64-256"), path)
