"""Trainings and samplings of other degradations than the paper's, with tiny networks."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import sr3
from sr3.base.errors import InputError
from sr3.networks import checkpoint
from sr3.networks.unet import UNetConfig
from sr3.pictures import images
from sr3.sample import main as sample
from sr3.train import main as train
from sr3.training.config import build, read_recipe
from sr3.training.warm_start import fitted

DEGRADATIONS = {
    "grayscale": 1,
    "free_form_mask": 4,
    "second_order": 3,
    "gaussian_blur:sigma=1..2": 3,
}
FEW = ("steps=2", "save_every=1", "validate_every=2", "sample_steps=2", "warmup=1")


def trained(text, data, out, *more):
    settings = [w for value in (f"degradation={text}", *FEW, *more) for w in ("--set", value)]
    told = [*settings, "--data", str(data), "--out", str(out), "--device", "cpu"]
    assert train(["tiny", *told, "--logger", "none", "--workers", "0"]) == 0
    return out / "last.safetensors"


@pytest.fixture(scope="module")
def weights(faces, tmp_path_factory):
    """Of each degradation after two steps."""
    folder = tmp_path_factory.mktemp("restoring")
    return {text: trained(text, faces, folder / str(i)) for i, text in enumerate(DEGRADATIONS)}


def restored(weights, source, out, *more):
    told = ["--weights", str(weights), "--device", "cpu", "--precision", "float32"]
    assert sample([str(source), str(out), *told, *map(str, more)]) == 0
    return np.asarray(Image.open(out))


@pytest.fixture(scope="module")
def picture(faces):
    return images.read_rgb(faces / "03.png")


@pytest.fixture
def holed(picture, tmp_path):
    """A picture whose left upper quarter is transparent, and the file of its mask."""
    alpha = np.full((32, 32, 1), 255, np.uint8)
    alpha[:16, :16] = 0
    images.write_png(tmp_path / "holed.png", np.concatenate([picture, alpha], axis=2))
    images.write_png(tmp_path / "mask.png", 255 - alpha[..., 0])
    images.write_png(tmp_path / "whole.png", picture)
    return tmp_path


def test_the_weights_say_what_their_input_went_through(weights):
    for text, channels in DEGRADATIONS.items():
        spec = checkpoint.load_model(weights[text]).spec
        assert spec.unet.condition_channels == channels
        assert spec.degradation.startswith(text.partition(":")[0])
        assert spec.scale == (4 if text == "second_order" else 1)


def test_a_training_goes_on_as_if_it_had_not_stopped(faces, tmp_path):
    text = "free_form_mask"
    whole = trained(text, faces, tmp_path / "whole", "steps=3")
    trained(text, faces, tmp_path / "cut", "steps=3")
    (tmp_path / "cut/states/step-00000003.safetensors").unlink()
    again = trained(text, faces, tmp_path / "cut", "steps=3")
    first, second = (checkpoint.load_model(path).network.state_dict() for path in (whole, again))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_gray_picture_gets_colours_and_keeps_its_luma(weights, picture, tmp_path, capsys):
    gray = np.asarray(Image.fromarray(picture).convert("L"))
    images.write_png(tmp_path / "gray.png", gray)
    made = restored(
        weights["grayscale"], tmp_path / "gray.png", tmp_path / "out.png", "--consistent"
    )
    assert made.shape == (32, 32, 3)
    luma = np.asarray(Image.fromarray(made).convert("L")).astype(int)
    assert np.abs(luma - gray).max() <= 1
    assert "consistency 0." in capsys.readouterr().out
    again = sr3.load(weights["grayscale"]).upscale(gray, consistent=True, precision="float32")
    np.testing.assert_array_equal(again, made)


def test_a_hole_is_filled_and_the_rest_stays(weights, holed, picture):
    made = restored(weights["free_form_mask"], holed / "holed.png", holed / "a.png", "--consistent")
    known = np.ones((32, 32), bool)
    known[:16, :16] = False
    np.testing.assert_array_equal(made[known], picture[known])
    assert (made[~known] != 128).any()
    by_file = restored(
        weights["free_form_mask"], holed / "whole.png", holed / "b.png",
        "--consistent", "--mask", holed / "mask.png", "--compare",
    )  # fmt: skip
    np.testing.assert_array_equal(by_file, made)


def test_a_blur_is_projected_onto_once_it_is_known(weights, holed):
    with pytest.raises(InputError, match="sigma=NUMBER"):
        restored(weights["gaussian_blur:sigma=1..2"], holed / "whole.png", holed / "x.png",
                 "--consistent")  # fmt: skip
    restored(
        weights["gaussian_blur:sigma=1..2"], holed / "whole.png", holed / "c.png",
        "--consistent", "--degradation", "gaussian_blur:sigma=1.5",
    )  # fmt: skip
    settings = json.loads((holed / "c.json").read_text())
    assert settings["stages"][0]["degradation"] == "gaussian_blur:sigma=1.5"


@pytest.mark.parametrize(
    ("model", "source", "more", "named"),
    [
        ("grayscale", "whole.png", (), "found colours in"),
        ("free_form_mask", "whole.png", (), "no hole"),
        ("free_form_mask", "whole.png", ("--mask", "small.png"), "16x16"),
        ("free_form_mask", "whole.png", ("--mask", "nowhere.png"), "no mask"),
        ("grayscale", "whole.png", ("--mask", "mask.png"), "fill no holes"),
        ("second_order", "whole.png", ("--consistent",), "not linear"),
        ("second_order", "whole.png", ("--degradation", "jpeg"), "1/4"),
        ("second_order", "whole.png", ("--then", "grayscale"), "whole colour"),
        ("grayscale", "whole.png", ("--degradation", "jpeg"), "take gray pictures in full size"),
    ],
)
def test_an_input_that_does_not_fit_is_one_line(weights, holed, model, source, more, named):
    images.write_png(holed / "small.png", np.zeros((16, 16), np.uint8))
    words = [str(weights[w]) if w in weights else w for w in more]
    words = [str(holed / w) if w.endswith(".png") else w for w in words]
    with pytest.raises(InputError, match=named) as caught:
        restored(weights[model], holed / source, holed / "out.png", *words)
    assert "\n" not in str(caught.value)
    assert not (holed / "out.png").exists()
    assert not (holed / "out.json").exists()


def test_weights_of_another_condition_start_a_training(faces, weights, tmp_path):
    theirs = checkpoint.load_model(weights["gaussian_blur:sigma=1..2"])
    for channels, text in ((1, "grayscale"), (4, "free_form_mask")):
        ours = checkpoint.load_model(weights[text])
        started = fitted(theirs.network.state_dict(), theirs.spec.unet, ours.spec.unet)
        ours.network.load_state_dict(started)
        condition = torch.rand(2, channels, 32, 32) * 2 - 1
        seen = condition.expand(-1, 3, -1, -1) if channels == 1 else condition[:, :3]
        y_t, gamma = torch.randn(2, 3, 32, 32), torch.tensor([0.3, 0.9], dtype=torch.float64)
        torch.testing.assert_close(
            ours.network(condition, y_t, gamma), theirs.network(seen, y_t, gamma)
        )
    same = UNetConfig(32, 16, (1, 2), 1)
    assert fitted({"stem.weight": condition}, same, same)["stem.weight"] is condition


def test_a_recipe_is_refused_where_a_degradation_makes_no_sense():
    tiny = read_recipe("tiny")
    assert build(tiny, ["degradation=grayscale"]).scale == 1
    assert build(tiny, ["degradation=box"]).scale == 4
    with pytest.raises(InputError, match="generator"):
        build(read_recipe("faces-generator"), ["degradation=grayscale"])
    with pytest.raises(InputError, match="wanted one of"):
        build(tiny, ["degradation=rain"])
    assert build(tiny, ["degradation=grayscale", "task=regression"]).spec.task == "regression"
