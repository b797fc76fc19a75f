"""Recipes, overrides, and what is refused."""

from pathlib import Path

import pytest

from sr3.base.errors import InputError
from sr3.training import config


def test_every_shipped_recipe_is_valid_and_named_as_its_file():
    assert {"face8x-sr3", "face8x-regression", "tiny"} <= set(config.recipes())
    for name in config.recipes():
        built = config.build(config.read_recipe(name), [])
        assert built.name == name
        assert built.spec.scale == built.scale


def test_overrides_win_and_reach_inside_the_augmentation():
    built = config.build(
        config.read_recipe("tiny"),
        ["steps=7", "augmentation.blur=0.5", "ema=[0.2]", "residual_scale=none", "preset=tiny"],
    )
    assert (built.steps, built.augmentation.blur, built.ema) == (7, 0.5, (0.2,))
    assert built.residual_scale is None


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("steps", "KEY=VALUE"),
        ("stepz=3", "stepz"),
        ("augmentation.flop=1", "flop"),
        ("preset=huge", "small-16-128"),
        ("objective=score", "epsilon"),
        ("steps=0", "at least 1"),
        ("steps=many", "steps"),
        ("loss_power=3", "loss_power"),
        ("schedule=round:3", "linear"),
        ("holdout=0", "holdout"),
        ("ema=[0.9]", "0.9"),
    ],
)
def test_a_bad_override_says_what_is_wanted(override, named):
    with pytest.raises(InputError, match=named):
        config.build(config.read_recipe("tiny"), [override])


def test_regression_with_an_objective_that_says_nothing_at_pure_noise_is_refused():
    with pytest.raises(InputError, match="epsilon"):
        config.build(config.read_recipe("tiny"), ["task=regression", "objective=epsilon"])


def test_unknown_and_broken_recipes_are_refused(tmp_path):
    with pytest.raises(InputError, match="face8x-sr3"):
        config.read_recipe("face9x")
    broken = tmp_path / "broken.toml"
    broken.write_text("steps = = 3")
    with pytest.raises(InputError, match=r"broken\.toml"):
        config.read_recipe(str(broken))
    incomplete = tmp_path / "incomplete.toml"
    incomplete.write_text('name = "x"')
    with pytest.raises(InputError, match="preset"):
        config.build(config.read_recipe(str(incomplete)), [])


@pytest.mark.parametrize(
    "name", [n for n in config.recipes() if n.startswith("paper-") and "generator" not in n]
)
def test_the_papers_recipes_say_what_the_paper_says(name):
    """Batch, steps, warm-up, learning rate, loss and dropout as in the paper's section 3 and 4."""
    made = config.build(config.read_recipe(name), [])
    regression = made.task == "regression"
    assert (made.batch_size, made.steps, made.warmup) == (256, 1_000_000, 10_000)
    assert made.learning_rate == (1e-5 if regression else 1e-4)
    assert made.decay_from == 1.0
    assert made.loss_power == (2 if regression else 1)
    assert made.spec.unet.dropout == (0.2 if "16-128" in name else 0.0)
    assert made.min_snr is None
    assert made.residual_scale is None
    if not regression:
        assert made.objective == "epsilon"
        assert not made.stratified
        assert made.augmentation.blur == 0.5
        assert made.spec.unet.condition_levels == 0
        assert made.schedule == "linear:2000"


@pytest.mark.parametrize("name", [n for n in config.recipes() if n.startswith("modern-")])
def test_modern_recipes_change_only_what_the_fidelity_page_lists(name):
    """Every setting that differs from the paper's recipe of the same model is named there."""
    text = (Path(__file__).parents[3] / "docs" / "fidelity.md").read_text()
    modern = config.build(config.read_recipe(name), []).to_json()
    paper = config.build(config.read_recipe(name.replace("modern", "paper")), []).to_json()
    inside = [{f"augmentation.{k}": x for k, x in v.pop("augmentation").items()}
              for v in (modern, paper)]  # fmt: skip
    flat = [modern | inside[0], paper | inside[1]]
    differing = {k for k in flat[0] if flat[0][k] != flat[1][k]} - {"name"}
    section = text.partition("## Modern recipes")[2].partition("\n## ")[0]
    unnamed = {k for k in differing if f"`{k}`" not in section}
    assert not unnamed
