"""Where a sampling starts: the twin that is found, and the steps that are left to SR3."""

from dataclasses import replace

import numpy as np
import pytest

from sr3.base.errors import InputError
from sr3.diffusion import schedule
from sr3.networks import start as starts
from sr3.networks.checkpoint import load_model, save_model
from sr3.networks.model import Model, ModelSpec
from sr3.networks.presets import PRESETS
from sr3.networks.start import Start

SPEC = ModelSpec(PRESETS["tiny"], "sr3", 4, objective="v", residual_scale=0.3)


@pytest.fixture
def folder(tmp_path):
    """Weights of sr3 that start at `twin`, their twin, and what is no twin of theirs."""
    specs = {
        "sr3": replace(SPEC, extra={"start": "twin@-0.5"}),
        "plain": SPEC,
        "twin": replace(SPEC, task="regression"),
        "x2": replace(SPEC, task="regression", scale=2),
        "gray": replace(SPEC, task="regression", degradation="box"),
    }
    for name, spec in specs.items():
        weights = Model(spec).network.state_dict()
        save_model(tmp_path / f"{name}.safetensors", spec, weights, {}, half=False)
    return tmp_path


def found(folder, name, wanted=None):
    path = folder / f"{name}.safetensors"
    return starts.find(load_model(path), path, wanted)


def test_the_twin_that_weights_name_lies_beside_them(folder):
    start = found(folder, "sr3")
    assert (start.path, start.log_snr) == (folder / "twin.safetensors", -0.5)
    assert start.twin.spec.task == "regression"
    assert start.described["start"] == "twin@-0.5"
    assert len(start.described["start_sha256"]) == 64


def test_noise_is_the_start_of_weights_that_name_none_and_where_it_is_asked_for(folder):
    assert found(folder, "plain") is None
    assert found(folder, "sr3", "noise") is found(folder, "sr3", "none") is None
    assert found(folder, "twin") is None
    assert starts.described(None) == {}


def test_a_start_is_given_by_name_or_file(folder):
    assert found(folder, "plain", "twin").log_snr == starts.LOG_SNR
    assert found(folder, "plain", f"{folder / 'twin.safetensors'}@2").log_snr == 2


@pytest.mark.parametrize(
    ("name", "wanted", "said"),
    [
        ("plain", "sr3", "found sr3 weights"),
        ("plain", "x2", "found a start of scale 2"),
        ("plain", "gray", "and box"),
        ("plain", "nothing", "found start nothing, which is not beside"),
        ("plain", "gone.safetensors", "gone.safetensors"),
        ("plain", "twin@warm", "found start 'twin@warm', wanted"),
        ("plain", "@-1", "found start '@-1', wanted"),
        ("plain", "twin@99", "with -20 to 20"),
        ("twin", "twin", "which refine nothing"),
    ],
)
def test_what_is_no_start_is_refused(folder, name, wanted, said):
    with pytest.raises(InputError, match=said):
        found(folder, name, wanted)


def test_weights_cannot_name_a_file_elsewhere(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "twin.safetensors"
    elsewhere.write_bytes((folder / "twin.safetensors").read_bytes())
    spec = replace(SPEC, extra={"start": str(elsewhere.with_suffix(""))})
    path = folder / "bad.safetensors"
    save_model(path, spec, Model(spec).network.state_dict(), {}, half=False)
    (folder / "twin.safetensors").unlink()
    with pytest.raises(InputError, match="not beside"):
        found(folder, "bad")


def test_the_steps_that_are_left_are_those_of_the_level_and_cleaner():
    whole = schedule.make("logsnr:8:3.5:-6:1")
    left = Start(Model(SPEC), None, -1.35).cut(whole)
    log_snr = np.log(left.gamma[1:]) - np.log1p(-left.gamma[1:])
    assert np.array_equal(left.gamma, whole.gamma[: len(left.gamma)])
    assert log_snr.min() >= -1.35
    assert whole.gamma[len(left.gamma)] < 1 / (1 + np.exp(1.35))


def test_a_level_that_a_schedule_has_is_kept_and_one_step_is_always_left():
    whole = schedule.make("logsnr:5:3.5:-1.35:1.2")
    assert Start(Model(SPEC), None, -1.35).cut(whole).num_steps == 5
    assert Start(Model(SPEC), None, 20).cut(whole).num_steps == 1
