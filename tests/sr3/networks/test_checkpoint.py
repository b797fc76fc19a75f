"""Weights on disk: whole or absent, and refused with a reason when they are not ours."""

import errno
import json

import pytest
import torch
from safetensors.torch import save_file

from sr3.base.errors import InputError
from sr3.networks import checkpoint
from sr3.networks.model import Model, ModelSpec
from sr3.networks.presets import PRESETS

SPEC = ModelSpec(PRESETS["tiny"], "sr3", 4, "v", 0.15)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Model(SPEC).eval()


def test_a_model_survives_the_disk(model, tmp_path):
    path = tmp_path / "weights.safetensors"
    checkpoint.save_model(path, SPEC, model.network.state_dict(), {"note": 1}, half=False)
    loaded = checkpoint.load_model(path)
    assert loaded.spec == SPEC
    for name, weights in model.network.state_dict().items():
        assert torch.equal(loaded.network.state_dict()[name], weights)
    assert [p.name for p in tmp_path.iterdir()] == ["weights.safetensors"]


def test_half_precision_halves_the_file_and_keeps_three_digits(model, tmp_path):
    for half in (False, True):
        checkpoint.save_model(
            tmp_path / f"{half}.safetensors", SPEC, model.network.state_dict(), {}, half
        )
    sizes = [(tmp_path / f"{half}.safetensors").stat().st_size for half in (True, False)]
    assert sizes[0] < 0.6 * sizes[1]
    loaded = checkpoint.load_model(tmp_path / "True.safetensors").network.state_dict()
    for name, weights in model.network.state_dict().items():
        torch.testing.assert_close(loaded[name], weights, rtol=1e-3, atol=1e-6)


def fill_the_disk(monkeypatch, after=1000):
    """Writing the tensors leaves a part on disk and then fails as a full disk does."""

    def save_part(_tensors, path, _metadata):
        path.write_bytes(b"x" * after)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", save_part)


def test_a_full_disk_keeps_the_old_file_and_leaves_no_part(model, tmp_path, monkeypatch):
    path = tmp_path / "weights.safetensors"
    checkpoint.save_model(path, SPEC, model.network.state_dict(), {}, half=False)
    before = path.read_bytes()
    fill_the_disk(monkeypatch)
    with pytest.raises(InputError, match="No space left"):
        checkpoint.save_model(path, SPEC, model.network.state_dict(), {}, half=False)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["weights.safetensors"]


def test_a_truncated_file_is_refused(model, tmp_path):
    path = tmp_path / "weights.safetensors"
    checkpoint.save_model(path, SPEC, model.network.state_dict(), {}, half=False)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"weights\.safetensors"):
        checkpoint.load_model(path)


def test_files_that_are_no_weights_of_ours_are_refused(model, tmp_path):
    missing, foreign, text = (tmp_path / f"{n}.safetensors" for n in ("missing", "foreign", "text"))
    save_file({"w": torch.zeros(1)}, foreign)
    text.write_text("not weights")
    for path in (missing, foreign, text):
        with pytest.raises(InputError, match=path.name):
            checkpoint.load_model(path)


def test_a_newer_format_is_refused_by_its_number(tmp_path):
    path = tmp_path / "newer.safetensors"
    metadata = {"format": checkpoint.FORMAT, "version": "99", "description": json.dumps({})}
    save_file({"w": torch.zeros(1)}, path, metadata)
    with pytest.raises(InputError, match="99"):
        checkpoint.load_model(path)


def test_weights_that_do_not_fit_their_description_are_refused(model, tmp_path):
    path = tmp_path / "mixed.safetensors"
    weights = model.network.state_dict()
    weights.pop("head.weight")
    checkpoint.save_model(path, SPEC, weights, {}, half=False)
    with pytest.raises(InputError, match=r"head\.weight"):
        checkpoint.load_model(path)
