"""Our models in diffusers: the exported folder samples what `sr3.sampling` samples."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sr3 import export
from sr3.base.errors import InputError
from sr3.base.torchvision_guard import require_diffusers
from sr3.diffusion.samplers import INFO
from sr3.exchange.diffusers_folder import SCHEDULERS, standalone, write_folder
from sr3.networks import checkpoint
from sr3.networks.model import Model, ModelSpec
from sr3.networks.presets import PRESETS
from sr3.sampling.upscaling import upscale

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "docs/examples/sample_in_diffusers.py"
STEPS = 20

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:diffusers")


def weights(folder, task="sr3", **fields):
    """A network whose every layer speaks; as initialised, its last ones are zero."""
    torch.manual_seed(0)
    told = {"objective": "v", "residual_scale": 0.15, "training_schedule": "cosine:2000"}
    extra = {"temperature": 0.9, "spread": 0.8}
    model = Model(ModelSpec(PRESETS["tiny"], task, 4, **(told | fields), extra=extra))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.03)
    path = folder / f"{task}.safetensors"
    checkpoint.save_model(path, model.spec, model.network.state_dict(), {}, half=False)
    return path


def noise():
    return [torch.Generator().manual_seed(seed) for seed in (3, 4)]


@pytest.fixture
def pipeline_of(tmp_path, monkeypatch):
    """Opens a folder as diffusers does, with its copies of our code in a folder of the test."""
    diffusers = require_diffusers()
    from diffusers.utils import dynamic_modules_utils

    monkeypatch.setattr(dynamic_modules_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", list(sys.path))

    def open_folder(folder):
        opened = diffusers.DiffusionPipeline.from_pretrained(
            folder, trust_remote_code=True, local_files_only=True, low_cpu_mem_usage=False
        )
        opened.set_progress_bar_config(disable=True)
        return opened

    yield open_folder
    for name in [name for name in sys.modules if name.startswith("diffusers_modules")]:
        del sys.modules[name]


def test_every_sampler_samples_there_what_it_samples_here(tmp_path, pipeline_of):
    source = weights(tmp_path)
    model, lr = checkpoint.load_model(source), torch.rand(2, 3, 8, 8)
    for name in INFO:
        soft = {} if "DDPM" not in SCHEDULERS[name][0] else {"temperature": 1.0}
        write_folder(source, tmp_path / name, name, STEPS, **soft)
        theirs = pipeline_of(tmp_path / name)(lr, noise(), output_type="pt").images * 2 - 1
        ours = upscale(model, lr * 2 - 1, noise(), name, STEPS, "float32", **soft)
        torch.testing.assert_close(theirs, ours, rtol=0, atol=1e-5, msg=name)


@pytest.mark.parametrize("objective", ["epsilon", "x0"])
def test_other_objectives_and_sizes(tmp_path, pipeline_of, objective):
    """A picture larger than those of training is taken whole, as with one window of its size."""
    source = weights(tmp_path, objective=objective, residual_scale=None)
    write_folder(source, tmp_path / "folder", "ddim", 6)
    lr = torch.rand(2, 3, 16, 16)
    theirs = pipeline_of(tmp_path / "folder")(lr, noise(), output_type="pt").images * 2 - 1
    model = checkpoint.load_model(source)
    ours = upscale(model, lr * 2 - 1, noise(), "ddim", 6, "float32", tile=64)
    assert ours.shape == (2, 3, 64, 64)
    torch.testing.assert_close(theirs, ours, rtol=0, atol=1e-5)


WITHOUT_US = """
import runpy, sys
from sr3.base.torchvision_guard import guard
kept = guard()
for name in [name for name in sys.modules if name.split(".")[0] == "sr3"]:
    sys.modules[name] = None  # whoever imports it now fails
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_the_published_script_needs_nothing_of_ours(tmp_path):
    source, folder = weights(tmp_path), tmp_path / "folder"
    told = ["--sampler", "dpmpp-2m-sde", "--steps", "4"]
    assert export.main(["--diffusers", str(source), str(folder), *told]) == 0
    lr = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(lr).save(tmp_path / "lr.png")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_US, SCRIPT, folder, "lr.png", "out.npy", "3"],
        cwd=tmp_path, capture_output=True, text=True, timeout=800,
        env={"PYTHONPATH": str(ROOT), "HF_HOME": str(tmp_path / "hf"), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    batch = torch.from_numpy(lr).permute(2, 0, 1)[None].float() / 127.5 - 1
    model = checkpoint.load_model(source)
    ours = upscale(model, batch, noise()[:1], "dpmpp-2m-sde", 4, "float32")[0].permute(1, 2, 0)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy") * 2 - 1, ours, rtol=0, atol=1e-5)


def test_the_code_beside_the_weights_is_ours_and_imports_none_of_it():
    text = standalone(("sr3.networks.layers", "sr3.networks.unet"))
    assert "class UNet(nn.Module)" in text
    assert "class GroupNorm(nn.GroupNorm)" in text
    assert "sr3." not in "".join(line for line in text.splitlines() if "import " in line)


def test_what_cannot_be_exported_is_refused_in_a_line(tmp_path):
    source = weights(tmp_path)
    with pytest.raises(InputError, match=r"found temperature 0\.9 with sampler ancestral"):
        write_folder(source, tmp_path / "out", "ancestral")
    with pytest.raises(InputError, match="wanted 1 or more"):
        write_folder(source, tmp_path / "out", "ddim", 0)
    twin = weights(tmp_path, "regression")
    with pytest.raises(InputError, match="found a regression in"):
        write_folder(twin, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="wanted a new folder"):
        write_folder(source, tmp_path / "out", "ddim")
    assert not list(tmp_path.glob(".out*"))


def test_every_sampler_has_a_scheduler():
    assert set(SCHEDULERS) == set(INFO)


def test_the_index_names_what_the_folder_holds(tmp_path):
    write_folder(weights(tmp_path), tmp_path / "folder", "ddim", 3)
    index = json.loads((tmp_path / "folder/model_index.json").read_text())
    assert index["scale"] == 4
    assert index["objective"] == "v"
    for part in ("unet/diffusion_pytorch_model.safetensors", "scheduler/scheduler_config.json"):
        assert (tmp_path / "folder" / part).is_file()
    assert (tmp_path / "folder" / f"{index['_class_name'][0]}.py").is_file()
    assert (tmp_path / "folder/unet" / f"{index['unet'][0]}.py").is_file()
