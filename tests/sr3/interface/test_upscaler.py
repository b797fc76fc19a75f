"""The Python interface: pictures of every kind in and out, with the pixels of the command."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import sr3
from sr3 import sample
from sr3.base.errors import InputError
from sr3.base.rng import generator_of
from sr3.networks import checkpoint
from sr3.networks.model import ModelSpec
from sr3.networks.presets import PRESETS
from sr3.networks.unet import UNet

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A tiny random network that upscales 8x8 to 32x32, three steps by default."""
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    spec = ModelSpec(PRESETS["tiny"], "sr3", 4, "v", 0.3, "cosine:200", "dpmpp-2m-sde", 3)
    tensors = {
        name: torch.randn(w.shape, generator=generator_of(name)) * 0.1
        for name, w in UNet(spec.unet).state_dict().items()
    }
    checkpoint.save_model(path, spec, tensors, {}, half=False)
    return path


@pytest.fixture
def model(weights):
    return sr3.load(weights)


def pixels(seed, shape=(8, 8, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


MODES = {"RGB": (8, 8, 3), "L": (8, 8), "RGBA": (8, 8, 4), "LA": (8, 8, 2)}


@pytest.mark.parametrize("mode", list(MODES))
def test_every_kind_of_input_gives_the_pixels_of_the_command(mode, weights, model, tmp_path):
    given = pixels(0, MODES[mode])
    image = Image.fromarray(given)
    assert image.mode == mode
    image.save(tmp_path / "in.png")
    out = tmp_path / "out.png"
    sample.main([str(tmp_path / "in.png"), str(out), "--weights", str(weights), "--seed", "3"])
    with Image.open(out) as opened:
        assert opened.mode == mode
        wanted = np.asarray(opened)
    made = model.upscale(image, seed=3)
    assert (made.mode, made.size) == (mode, (32, 32))
    assert np.array_equal(np.asarray(made), wanted)
    assert np.array_equal(np.asarray(model.upscale(tmp_path / "in.png", seed=3)), wanted)
    assert np.array_equal(np.asarray(model.upscale(str(tmp_path / "in.png"), seed=3)), wanted)
    array = model.upscale(given, seed=3)
    assert array.dtype == np.uint8
    assert np.array_equal(array, wanted)


def test_floats_and_tensors_agree_with_eight_bits_to_half_a_level(model):
    given = pixels(1)
    wanted = model.upscale(given).astype(float)
    unit = model.upscale((given / 255).astype(np.float64))
    assert unit.dtype == np.float64
    assert np.abs(unit * 255 - wanted).max() < 0.51
    tensor = torch.from_numpy(given).permute(2, 0, 1) / 127.5 - 1
    made = model.upscale(tensor)
    assert (made.shape, made.dtype) == ((3, 32, 32), torch.float32)
    assert (made.permute(1, 2, 0).numpy() + 1) * 127.5 == pytest.approx(wanted, abs=0.51)


def test_many_come_back_as_they_went_in_whatever_the_batch(model):
    stack = np.stack([pixels(i) for i in range(3)])
    together = model.upscale(stack, batch_size=3)
    assert together.shape == (3, 32, 32, 3)
    alone = np.stack([model.upscale(one) for one in stack])
    assert np.abs(together.astype(int) - alone).max() <= 1, "kernels round by the batch"
    mixed = [Image.fromarray(stack[0]), pixels(9, (5, 7, 3)), torch.zeros(2, 3, 8, 8)]
    first, second, third = model.upscale(mixed)
    assert first.size == (32, 32)
    assert second.shape == (20, 28, 3)
    assert third.shape == (2, 3, 32, 32)
    assert torch.allclose(third[0], third[1], atol=1e-5), "the same picture has the same noise"
    assert isinstance(model.upscale(tuple(mixed[:1])), list)


def test_samples_differ_and_follow_the_seed(model):
    given = pixels(2)
    first, second = model.upscale(given, num_samples=2)
    assert not np.array_equal(first, second)
    assert np.array_equal(first, model.upscale(given))
    assert not np.array_equal(first, model.upscale(given, seed=1))
    assert [len(s) for s in model.upscale([given, given], num_samples=3)] == [2, 2, 2]


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (7, "found a int, wanted a PIL image"),
        (np.zeros((8, 8, 5)), r"found an array \(8, 8, 5\)"),
        (np.zeros((8, 8), int), "found an array of int64, wanted uint8"),
        (np.full((8, 8), 2.0), "found values from 2 to 2, wanted 0 to 1"),
        (np.full((8, 8), np.nan), "found values from nan to nan"),
        (torch.full((3, 8, 8), -2.0), "found values from -2 to -2, wanted -1 to 1"),
        (torch.zeros(3, 8, 8, dtype=torch.uint8), "of torch.uint8, wanted floats"),
        (torch.zeros(8, 8, 3), r"found a tensor \(8, 8, 3\)"),
        ("none.png", "found a damaged picture in none.png"),
        (Image.new("F", (8, 8)), "found 32-bit float pixels in the picture"),
    ],
)
def test_what_is_no_picture_is_refused(held, message, model):
    with pytest.raises(InputError, match=message):
        model.upscale(held)


@pytest.mark.parametrize(
    "options",
    [{"steps": 0}, {"sampler": "euler"}, {"num_samples": 0}, {"batch_size": 0}, {"spread": 2}],
)
def test_options_that_cannot_be_are_refused(options, model):
    with pytest.raises(InputError):
        model.upscale(pixels(0), **options)


def test_epsilon_inverts_eq_5_for_any_objective(model):
    draws = torch.randn(2, 2, 3, 32, 32, generator=torch.manual_seed(0))
    gamma = torch.tensor([0.2, 0.7])
    epsilon = model.epsilon(*draws, gamma)
    y_0 = model.model.predict_y0(*draws, gamma.double())
    again = gamma.sqrt()[:, None, None, None] * y_0
    again = again + (1 - gamma).sqrt()[:, None, None, None] * epsilon
    assert torch.allclose(again, draws[1], atol=1e-5)
    assert torch.equal(model.epsilon(*draws, 0.25), model.epsilon(*draws, torch.full((2,), 0.25)))


@pytest.mark.parametrize(
    ("shapes", "gamma"),
    [
        (((1, 3, 32, 32), (2, 3, 32, 32)), 0.5),
        (((3, 32, 32), (3, 32, 32)), 0.5),
        (((1, 3, 31, 32), (1, 3, 31, 32)), 0.5),
        (((2, 3, 32, 32), (2, 3, 32, 32)), [0.5, 0.5, 0.5]),
        (((1, 3, 32, 32), (1, 3, 32, 32)), 1.5),
    ],
)
def test_epsilon_refuses_what_does_not_fit(shapes, gamma, model):
    with pytest.raises(InputError):
        model.epsilon(*map(torch.zeros, shapes), gamma)


def test_loading_refuses_what_is_not_there(weights):
    with pytest.raises(InputError, match="found no shipped weights 'face9x'"):
        sr3.load("face9x")
    with pytest.raises(InputError, match="found config or scale with"):
        sr3.load(weights, config="config.json")
    with pytest.raises(InputError, match="found device 'gpu'"):
        sr3.load(weights, device="gpu")
    assert sr3.load("face8x-sr3").scale == 8


def python(code, *path):
    return subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": ":".join(map(str, (ROOT, *path)))},
    )  # fmt: skip


def test_importing_is_cheap_and_a_bare_install_is_told_what_to_add():
    done = python("import sys, sr3; sys.exit('torch' in sys.modules)")
    assert done.returncode == 0, done.stderr
    done = python("import sr3; sr3.load")  # -S: no site-packages, so no torch
    assert done.stderr.splitlines()[-1].endswith("pip install 'sr3bench[bench]'")
    assert not hasattr(sr3, "unload")


def test_the_twin_of_shipped_weights_is_read_once(monkeypatch):
    model, read, load = sr3.load("face8x-sr3"), [], checkpoint.load_model

    def counting(path, *rest):
        read.append(path.stem)
        return load(path, *rest)

    monkeypatch.setattr(checkpoint, "load_model", counting)
    first, second = (model.upscale(pixels(0), steps=2) for _ in range(2))
    assert read == ["face8x-regression"]
    assert np.array_equal(first, second)
