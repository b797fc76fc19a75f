"""Settings of the second stage's input are chained and judged on the same pictures."""

import importlib
import tomllib
from pathlib import Path

import numpy as np

from bench.records.record import read_record
from sr3.cascading import config
from sr3.pictures.images import read_rgb, write_png

ROOT = Path(__file__).parents[2]


def test_each_setting_is_a_chain_of_the_same_pictures(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    chains = importlib.import_module("chains")
    rng = np.random.default_rng(0)
    for i in range(4):
        write_png(tmp_path / f"train/{i}.png", rng.integers(0, 256, (128, 128, 3), dtype=np.uint8))
    asked = [
        "--setting",
        "one:steps=1",
        "--setting",
        "blur=0.5,steps=1",
        "--n",
        "3",
        "--device",
        "cpu",
    ]
    told = ["--data", str(tmp_path / "train"), "--out", str(tmp_path / "out")]
    assert chains.main([*told, *asked, "--device", "cpu"]) == 0
    names = ("one", "blur-0.5-steps-1")
    assert [read_record(tmp_path / f"out/runs/ablation/{x}.json").n for x in names] == [3, 3]
    told = tomllib.loads((tmp_path / f"out/cascades/{names[1]}.toml").read_text())
    shipped, same = config.read("faces").stages[0], ("start", "schedule", "temperature", "spread")
    as_shipped = {key: getattr(shipped, key) for key in same}
    assert told["stage"] == [{"weights": "face8x-sr3", **as_shipped, "blur": 0.5, "steps": 1}]
    first = [read_rgb(tmp_path / f"out/pictures/{x}/000000.png") for x in names]
    assert np.abs(first[0].astype(int) - first[1]).mean() > 0.5
