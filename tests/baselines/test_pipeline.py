"""Upscaling pipelines of diffusers as systems: what they make, and what is refused."""

import json
import shutil
import socket

import pytest
import torch
from tiny_pipelines import latent_diffusion, stable_upscaler

from baselines.foreign.pipeline import is_pipeline, load_pipeline
from baselines.protocol import SystemOptions
from sr3.base.errors import InputError
from sr3.base.torchvision_guard import require_diffusers

OPTIONS = SystemOptions(weights=None, scale=4, steps=2, precision="float32")
MAKERS = {"ldm": latent_diffusion, "upscaler": stable_upscaler}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("pipelines")
    return {name: make(root / name) for name, make in MAKERS.items()}


@pytest.fixture
def folder(folders, tmp_path):
    """A copy of the small one, to be damaged."""
    return shutil.copytree(folders["ldm"], tmp_path / "ldm")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a pipeline reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def noise(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


@pytest.mark.parametrize("name", MAKERS)
def test_a_picture_follows_from_its_own_seed_whatever_the_batch(folders, name):
    system = load_pipeline(name, folders[name], OPTIONS)
    lr = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    both = system.upscale(lr, noise(3, 4))
    assert both.shape == (2, 3, 32, 32)
    assert both.dtype == torch.float32
    assert both.abs().max() <= 1
    alone = system.upscale(lr[1:], noise(4))  # kernels differ in the last bits from call to call
    torch.testing.assert_close(alone, both[1:], rtol=0, atol=1e-5)
    assert (system.upscale(lr[1:], noise(5)) - both[1:]).abs().max() > 1e-3


def test_the_pictures_are_those_of_the_pipeline_itself(folders):
    lr = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    ldm = require_diffusers().LDMSuperResolutionPipeline.from_pretrained(
        folders["ldm"], low_cpu_mem_usage=False
    )
    theirs = ldm(lr, num_inference_steps=2, eta=1.0, generator=noise(3)[0], output_type="pt").images
    ours = load_pipeline("ldm", folders["ldm"], OPTIONS).upscale(lr, noise(3))
    torch.testing.assert_close(ours, theirs * 2 - 1, rtol=0, atol=1e-5)


def test_provenance_follows_the_weights(folders, tmp_path):
    first = load_pipeline("ldm", folders["ldm"], OPTIONS).provenance
    other = load_pipeline("ldm", latent_diffusion(tmp_path / "ldm", seed=1), OPTIONS).provenance
    assert first["checkpoint_sha256"] != other["checkpoint_sha256"]
    assert first["pipeline"] == "LDMSuperResolutionPipeline"
    assert first["steps"] == 2


def changed(folder, **entries):
    path = folder / "model_index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def refusal(folder, options=OPTIONS):
    with pytest.raises(InputError) as caught:
        load_pipeline("ldm", folder, options)
    return str(caught.value)


def test_another_pipeline_is_refused(folder):
    changed(folder, _class_name="DDPMPipeline")
    assert "found pipeline 'DDPMPipeline'" in refusal(folder)
    changed(folder, _class_name=["mine", "MyPipeline"])
    assert "wanted one of LDMSuperResolutionPipeline" in refusal(folder)


def test_code_in_the_folder_never_runs(folder):
    (folder / "unet" / "mine.py").write_text("raise SystemExit('it ran')")
    changed(folder, unet=["mine", "UNet"])
    assert "other code is not run" in refusal(folder)
    (folder / "unet" / "diffusers.py").write_text("raise SystemExit('it ran')")
    changed(folder, unet=["diffusers", "UNet2DModel"])
    assert "other code is not run" in refusal(folder)


def test_pickled_weights_are_never_read(folder):
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save({}, weights.with_suffix(".bin"))
    load_pipeline("ldm", folder, OPTIONS)  # beside safetensors they are left alone
    weights.unlink()
    assert "found pickled weights diffusion_pytorch_model.bin" in refusal(folder)


def test_damage_and_other_scales_are_told_in_a_line(folder):
    wrong = SystemOptions(weights=None, scale=8)
    assert refusal(folder, wrong).startswith("found scale 4 in")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"x" * 100)
    assert "found no readable LDMSuperResolutionPipeline" in refusal(folder)


def test_a_folder_without_its_index_is_still_known_for_what_it_was(folder):
    (folder / "model_index.json").unlink()
    assert is_pipeline(folder)
    assert "found no model_index.json" in refusal(folder)
    assert not is_pipeline(folder / "unet")
