"""docs/cascade.md: its commands run with small networks, its keys and options are the command's."""

import importlib
import re
import shlex
from dataclasses import fields, replace
from pathlib import Path

import pytest
import tiny_weights
from torch.distributed.run import parse_args

from sr3 import cascade
from sr3.cascading import config
from sr3.cascading.config import GeneratorConfig, StageConfig, cascades, read
from sr3.networks import checkpoint
from sr3.networks.presets import PRESETS
from sr3.networks.unet import count_parameters
from sr3.training.config import build, read_recipe

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cascade.md").read_text()
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.splitlines()
]


def behind_torchrun(words):
    """What torchrun hands on: it takes a word for its own that begins as one of its options."""
    return parse_args(words[1:]).training_script_args


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Tiny models in place of the shipped ones, whose stages fit: 8 to 32 to 64."""
    files = {
        "faces-generator": tiny_weights.generator(tmp_path / "g.safetensors"),
        "faces-generator-classes": tiny_weights.generator(
            tmp_path / "c.safetensors", ("f 14 to 28", "m 14 to 28")
        ),
        "face8x-sr3": tiny_weights.upscaler(tmp_path / "first.safetensors"),
        "natural4x-sr3": tiny_weights.upscaler(tmp_path / "second.safetensors", scale=2),
    }
    monkeypatch.setattr(checkpoint, "shipped", files.__getitem__)
    monkeypatch.setattr(config, "read", lambda name: with_small_windows(read(name)))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "generator.safetensors").symlink_to(files["faces-generator"])


def with_small_windows(whole):
    """The tiny network attends to every pixel of a window, which 192x192 are too many for."""
    stages = (replace(s, tile=s.tile and 32, overlap=s.overlap and 8) for s in whole.stages)
    return replace(whole, stages=tuple(stages))


def test_every_command_of_the_page_works(small, tmp_path):
    assert len(COMMANDS) >= 4
    for line in COMMANDS:
        words = shlex.split(line)
        if words[0] == "torchrun":
            cascade.parse(behind_torchrun(words))
            continue
        if "paper-" in line:
            cascade.parse(words[3:])
            continue
        assert words[:2] == ["python", "-m"]
        extra = ["--device", "cpu", "--n", "2"]
        assert importlib.import_module(words[2]).main([*words[3:], *extra]) == 0
    assert (tmp_path / "women" / "sheets" / "stages.png").exists()


def test_the_file_of_the_page_works(small, tmp_path):
    text = re.search(r"```toml\n(.*?)```", PAGE, re.S)[1]
    (tmp_path / "own.toml").write_text(text)
    assert cascade.main(["own.toml", "own", "--n", "1", "--device", "cpu"]) == 0
    assert [p.name for p in (tmp_path / "own" / "stages").iterdir()] == ["1-8"], "keep = false"


def test_every_option_key_and_cascade_is_described(capsys):
    with pytest.raises(SystemExit):
        cascade.parse(["--help"])
    known = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert {option for option in known if option not in PAGE} == set()
    keys = {field.name for kind in (GeneratorConfig, StageConfig) for field in fields(kind)}
    assert {key for key in keys if f"`{key}`" not in PAGE} == set()
    assert {name for name in cascades() if f"`{name}`" not in PAGE} == set()


def test_the_sizes_of_the_page_are_those_of_the_recipes():
    rows = re.findall(r"\| `(paper-[\w-]+)` \| ([\d.]+) M \| (\d+) \|", PAGE)
    recipes = [part.recipe for n in ("paper-faces", "paper-imagenet") for part in read(n).parts]
    assert [row[0] for row in rows] == recipes
    for name, millions, side in rows:
        unet = PRESETS[build(read_recipe(name), []).preset]
        assert round(count_parameters(unet) / 1e6, 1) == float(millions)
        assert unet.resolution == int(side)
