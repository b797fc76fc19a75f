"""docs/generate.md: its commands run with small pictures, its options are those of the command."""

import importlib
import json
import re
import shlex
from pathlib import Path

import numpy as np
from torch.distributed.run import parse_args

from sr3 import generate
from sr3.networks.presets import PRESETS
from sr3.networks.unet import count_parameters
from sr3.pictures import images
from sr3.training.config import recipes

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "generate.md").read_text()
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.splitlines()
]
SMALL = [
    "preset=tiny-gen", "picture_side=32", "steps=2", "batch_size=2", "holdout=2", "sample_steps=2",
    "validate_every=1000",
]  # fmt: skip


def behind_torchrun(words):
    """What torchrun hands on: it takes a word for its own that begins as one of its options."""
    return parse_args(words[1:]).training_script_args


def prepare(folder):
    """Nine 32x32 pictures with sex and age, as the page's commands expect them."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(9):
        pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        images.write_png(folder / f"{i}.png", pixels)
        age = (14, 28, 21, 30, 42, 35, 43, 79, 60)[i]
        rows.append({"file": f"{i}.png", "sex": "f", "age": age})
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "attributes.jsonl").write_text(text)


def test_every_command_of_the_page_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path / "faces")
    assert len(COMMANDS) >= 5
    for line in COMMANDS:
        words = shlex.split(line)
        if words[0] == "torchrun":
            generate.parse(behind_torchrun(words))
            continue
        assert words[:2] == ["python", "-m"]
        extra = ["--device", "cpu"]
        if words[2] == "sr3.train":
            extra += ["--logger", "none", *(x for s in SMALL for x in ("--set", s))]
        assert importlib.import_module(words[2]).main([*words[3:], *extra]) == 0
    assert (tmp_path / "women" / "sheets" / "contact.png").exists()


def test_every_option_and_recipe_is_described(capsys):
    try:
        generate.parse(["--help"])
    except SystemExit:
        known = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert {option for option in known if option not in PAGE} == set()
    assert all(f"`{name}`" in PAGE for name in recipes() if "generator" in name)


def test_the_sizes_of_the_page_are_the_presets():
    for name, millions in re.findall(r"^\| ((?:paper|small)-gen-\S+) \| ([\d.]+) M", PAGE, re.M):
        assert round(count_parameters(PRESETS[name]) / 1e6, 1) == float(millions), name
