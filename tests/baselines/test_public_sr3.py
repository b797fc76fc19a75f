"""A checkpoint of the public SR3 re-implementation as a row of its own, under our samplers."""

import json

import pytest
import torch

from baselines.foreign.public import load_public
from baselines.protocol import SystemOptions
from sr3.base.errors import InputError
from sr3.base.rng import generator_of
from sr3.networks.public import PublicConfig, PublicUNet


@pytest.fixture
def path(tmp_path):
    """An untrained tiny network of its kind, with its JSON beside it."""
    torch.manual_seed(0)
    config = PublicConfig(32, 8, (1, 2), 1, (16,), groups=4)
    weights = {f"denoise_fn.{k}": v for k, v in PublicUNet(config).state_dict().items()}
    torch.save(weights, tmp_path / "I1_E1_gen.pth")
    beta = {"schedule": "linear", "n_timestep": 6, "linear_start": 1e-4, "linear_end": 0.3}
    told = {
        "model": {
            "unet": {"norm_groups": 4},
            "beta_schedule": {"val": beta},
            "diffusion": {"image_size": 32},
        },
        "datasets": {"val": {"l_resolution": 8, "r_resolution": 32}},
    }
    (tmp_path / "config.json").write_text(json.dumps(told))
    return tmp_path / "I1_E1_gen.pth"


def no_import(name):
    raise AssertionError(f"{name} is not needed")


def test_it_runs_with_its_own_sampler_and_says_so(path):
    options = SystemOptions(weights=None, scale=4)
    system = load_public("public", path, options, no_import)
    lr = torch.rand(2, 3, 8, 8, generator=torch.manual_seed(1)) * 2 - 1
    sr = system.upscale(lr, [generator_of(i) for i in range(2)])
    assert sr.shape == (2, 3, 32, 32)
    assert system.name == "public"
    assert system.stochastic
    told = system.provenance
    assert (told["sampler"], told["steps"], told["licence"]) == ("posterior", 6, "Apache-2.0")
    assert told["precision"] in ("bf16", "float32")
    assert told["public_sr3"]["groups"] == 4
    json.dumps(told)


def test_other_options_and_scales(path):
    options = SystemOptions(weights=None, scale=4, sampler="dpmpp-2m", steps=3)
    told = load_public("public", path, options, no_import).provenance
    assert (told["sampler"], told["steps"]) == ("dpmpp-2m", 3)
    wrong = load_public("public", path, SystemOptions(weights=None, scale=8), no_import)
    with pytest.raises(InputError, match=r"found scale 4 in the JSON of .*, wanted 8"):
        _ = wrong.provenance
