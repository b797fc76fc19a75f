"""The small ablation from training to table, with networks of no use."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from bench.records.record import read_record
from sr3.pictures.images import write_png

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ablation(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("ablation")


def test_every_way_is_trained_chained_and_judged(ablation, tmp_path):
    rng = np.random.default_rng(0)
    for name, count in (("train", 6), ("test", 4)):
        for i in range(count):
            picture = rng.integers(0, 256, (128, 128, 3), dtype=np.uint8)
            write_png(tmp_path / "faces" / name / f"{i}.png", picture)
    few = ["steps=2", "batch_size=2", "holdout=2", "save_every=2", "validate_every=2"]
    command = ["--data", tmp_path / "faces/train", "--held-out", tmp_path / "faces/test",
               "--out", tmp_path / "out", "--n", 3, "--seeds", 1, "--steps", 1, "--device", "cpu",
               *(x for s in [*few, "sample_steps=1"] for x in ("--set", s))]  # fmt: skip
    assert ablation.main(list(map(str, command))) == 0
    run = tmp_path / "out/runs/ablation"
    rows = [read_record(run / f"{name}.json") for name in ("bicubic", "blur-l1-0", "plain-l1-0")]
    assert [row.n for row in rows] == [3, 3, 3]
    settings = {
        arm: json.loads((tmp_path / f"out/trainings/{arm}-0/config.json").read_text())
        for arm in ablation.ARMS
    }
    told = {arm: (s["augmentation"]["blur"], s["loss_power"]) for arm, s in settings.items()}
    assert told == {"blur-l1": (0.5, 1), "plain-l1": (0.0, 1), "blur-l2": (0.5, 2)}
