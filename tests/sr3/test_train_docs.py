"""The commands of docs/train.md, run with small pictures."""

import importlib
import os
import re
import runpy
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from sr3 import train
from sr3.machine.options import RunOptions
from sr3.pictures import images
from sr3.training.config import recipes

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "train.md").read_text()
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.splitlines()
]


def run(line):
    """One command of the page in this process."""
    words = shlex.split(line)
    if words[:2] == ["python", "-m"]:
        extra = ["--device", "cpu", "--logger", "none"] if words[2] == "sr3.train" else []
        small = ["--set", "validate_every=1000", "--set", "batch_size=2"] if extra else []
        assert importlib.import_module(words[2]).main([*words[3:], *small, *extra]) == 0
    elif words[0] == "torchrun":
        args = train.parse(words[words.index("sr3.train") + 1 :])
        train.run_of(args)
    else:
        raise AssertionError(f"do not know how to try {line!r}")


@pytest.mark.filterwarnings("ignore:Profiler clears events")
def test_every_command_of_the_page_works(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    for i in range(6):
        pixels = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
        images.write_png(tmp_path / "photos" / f"{i}.png", pixels)
    monkeypatch.chdir(tmp_path)
    tried = [line for line in COMMANDS if "benchmarks/" not in line]
    assert len(tried) >= 10
    for line in tried:
        run(line)
    assert (tmp_path / "runs/third/ema-0.07.safetensors").exists()
    assert "weights, sr3" in capsys.readouterr().out


def test_the_benchmark_of_the_page_runs(monkeypatch, capsys, tmp_path):
    words = shlex.split(next(line for line in COMMANDS if "benchmarks/train.py" in line))
    bounded = ["--seconds", "4", "--variants", "as recommended", "--threads", "1"]
    target = ["--json", str(tmp_path / "result.json")]
    monkeypatch.setattr(sys, "argv", [*words[1:], *bounded, *target])
    module = runpy.run_path(str(ROOT / words[1]))
    monkeypatch.setitem(module["main"].__globals__, "matmul_peak", lambda *_: 1e12)
    monkeypatch.setitem(module["main"].__globals__, "timed", lambda work, *_: work() and 0.5)
    monkeypatch.setitem(module["VARIANTS"], "as recommended", ({}, {}, True))
    module["main"]()
    told = capsys.readouterr().out
    assert "as recommended" in told
    assert "1000 GFLOP/s bf16" in told
    assert os.path.getsize(tmp_path / "result.json") > 100  # noqa: PTH202


def test_the_page_names_every_recipe_option_and_exit_code():
    for name in recipes():
        stem = name.removesuffix("-regression")
        named = f"`{stem}`" in PAGE or f"`{name}`" in PAGE
        assert named or stem.startswith("modern-"), name
    for code in (0, 2, 74, 75, 76):
        assert f"| {code} |" in PAGE
    for name in RunOptions.__dataclass_fields__:
        flag = name.replace("_", "-")
        exempt = name in ("log_every", "check_every")
        assert exempt or f"--{flag}" in PAGE or f"--no-{flag}" in PAGE, name
