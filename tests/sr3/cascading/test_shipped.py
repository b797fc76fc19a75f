"""The shipped cascades: their stages fit, and small twins of the paper's are trained and run."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from sr3 import cascade as command
from sr3 import train
from sr3.base.errors import InputError
from sr3.cascading import config, models
from sr3.cascading.config import cascades
from sr3.networks import checkpoint
from sr3.networks.model import Model
from sr3.networks.presets import PRESETS
from sr3.networks.unet import count_parameters
from sr3.pictures import images
from sr3.sampling.chain import Bicubic, Stage
from sr3.training.config import build, read_recipe

PAPER = {"paper-faces": [64, 256, 1024], "paper-imagenet": [64, 256]}
MILLIONS = {"paper-faces": [123, 625, 150], "paper-imagenet": [270, 625]}  # published, or its kin's
SMALL = ["steps=1", "batch_size=1", "holdout=1", "sample_steps=1", "validate_every=1000",
         "snapshot_every=0", "warmup=0", "ema=[0.1]"]  # fmt: skip


def specs_of(cascade):
    return [build(read_recipe(part.recipe), []).spec for part in cascade.parts]


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_cascades_construct_at_full_size(name):
    """On the meta device: each stage takes what the one before makes, in the steps it asks for."""
    cascade = config.read(name)
    first, *others = specs_of(cascade)
    sides = [first.unet.resolution]
    for part, spec in zip(cascade.stages, others, strict=True):
        with torch.device("meta"):
            stage = Stage(Model(spec), part.sampler, part.steps)
        stage.check(sides[-1])
        assert stage.resolved()["steps"] == part.steps
        sides.append(sides[-1] * stage.scale)
    assert sides == PAPER[name]
    steps = [part.steps for part in cascade.parts]
    assert steps == sorted(steps, reverse=True), "more at low resolution, fewer at high"
    presets = [build(read_recipe(part.recipe), []).preset for part in cascade.parts]
    found = [count_parameters(PRESETS[preset]) / 1e6 for preset in presets]
    assert found == pytest.approx(MILLIONS[name], rel=0.04)


@pytest.mark.parametrize("name", PAPER)
def test_weights_that_are_yours_to_train_are_named_with_their_recipes(name, tmp_path):
    named = [f"stage {i} \\(recipe {part.recipe}\\)" for i, part in
             enumerate(config.read(name).parts, 1)]  # fmt: skip
    with pytest.raises(InputError, match=f"no weights for {', '.join(named)} of {name}: train"):
        command.main([name, str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def shrunk(preset):
    """The same depths, blocks and attention levels at an eighth of the side, 4 or 16 channels."""
    whole = PRESETS[preset]
    generator = whole.condition_channels == 0
    channels = 16 if generator else 4
    sides = tuple(side // 8 for side in whole.attention_resolutions)
    twin = replace(whole, resolution=whole.resolution // 8, channels=channels, head_channels=16,
                   attention_resolutions=sides, classes=0)  # fmt: skip
    assert twin.attention_levels == whole.attention_levels
    return twin


def prepare(folder, side):
    rng = np.random.default_rng(side)
    for i in range(3):
        images.write_png(folder / f"{i}.png", rng.integers(0, 256, (side, side, 3), dtype=np.uint8))
    rows = [{"file": f"{i}.png", "kind": ("cat", "dog")[i % 2]} for i in range(3)]
    (folder / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize("name", PAPER)
def test_a_twin_of_the_papers_cascade_is_trained_a_step_and_run(name, tmp_path, monkeypatch):
    options = []
    for number, part in enumerate(config.read(name).parts, 1):
        recipe = build(read_recipe(part.recipe), [])
        twin = shrunk(recipe.preset)
        monkeypatch.setitem(PRESETS, recipe.preset, twin)
        data, out = tmp_path / f"data-{number}", tmp_path / f"run-{number}"
        prepare(data, twin.resolution)
        labels = ["--labels", str(data / "labels.jsonl"), "--label-column", "kind"]
        words = [part.recipe, "--data", str(data), "--out", str(out), "--device", "cpu"]
        words += ["--logger", "none", *(labels if recipe.class_conditional else [])]
        assert train.main([*words, *(x for s in SMALL for x in ("--set", s))]) == 0
        options += ["--weights", f"{number}={out / 'last.safetensors'}"]
        weights = checkpoint.read_tensors(out / "last.safetensors").tensors
        assert all(bool(weights[n].isfinite().all()) for n in weights)
        assert any(bool(weights[n].any()) for n in weights if n.startswith("head.")), "it moved"
    monkeypatch.setattr(config, "read", fewer_steps(config.read))
    command.main([name, str(tmp_path / "out"), "--n", "1", "--device", "cpu", *options])
    side = PAPER[name][-1] // 8
    assert images.read_rgb(tmp_path / "out" / "000000.png").shape == (side, side, 3)


def fewer_steps(read):
    def reading(name):
        whole = read(name)
        stages = tuple(replace(stage, steps=2) for stage in whole.stages)
        return replace(whole, generator=replace(whole.generator, steps=2), stages=stages)

    return reading


@pytest.mark.parametrize("name", [n for n in cascades() if n.startswith("faces")])
def test_the_stages_of_the_small_cascades_fit(name):
    """From 16x16 on, with the shipped weights."""
    cascade = config.read(name)
    paths = [checkpoint.shipped(s.weights) if s.weights else None for s in cascade.stages]
    made = models.enlargers(cascade, paths, 16, torch.device("cpu"))
    assert [stage.side for stage in made] == [128, 512]
    assert all(isinstance(s.link, Bicubic) == (name == "faces-bicubic") for s in made)
    assert not any("start" in s.described for s in made), "as they were measured: from noise"
    assert all(s.described["steps"] == 8 for s in made[:1] if s.described["kind"] == "sr3")


def test_the_cascades_to_compare_begin_alike():
    assert {config.read(f"faces{kind}").generator for kind in ("-bicubic", "-regression")} == {
        config.read("faces").generator
    }
