"""Recipes, overrides, and what is refused."""

import pytest

from sr3 import config
from sr3.errors import InputError


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
