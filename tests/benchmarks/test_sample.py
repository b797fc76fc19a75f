"""The samplers' benchmark: cases are named as they are planned, its numbers are kept unrounded."""

import argparse
import importlib
import shlex
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bench.records.measurements import read_measurements, write_measurements

ROOT = Path(__file__).parents[2]
PLAN = "dpmpp-2m-sde:1,8 dpmpp-2m-sde+:8@0.9/0.8 ancestral:100 ddim:4@1/0.5"


@pytest.fixture
def sample(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("sample")


def test_a_case_is_named_as_the_plan_names_it(sample):
    cases = sample.read_plan(PLAN, consistent=False)
    names = [case.planned for case in cases]
    assert names == [
        "dpmpp-2m-sde:1", "dpmpp-2m-sde:8", "dpmpp-2m-sde+:8@0.9/0.8", "ancestral:100",
        "ddim:4@1/0.5",
    ]  # fmt: skip
    assert sample.read_plan(" ".join(names), consistent=False) == cases


def test_the_command_has_no_folder_of_the_machine(sample):
    places = ["--data", "/home/me/set/test", "--out", "/home/me/o"]
    args = sample.parse([*places, "--plan", f"{PLAN}\n  heun:4"])
    words = shlex.split(sample.command_of(args, "set/test"))
    assert not any(word.startswith("/") for word in words)
    again = sample.parse(words[2:])
    assert (again.data, again.out) == (Path("set/test"), Path("OUT"))
    cases = [sample.read_plan(a.plan, a.consistent) for a in (args, again)]
    assert cases[0] == cases[1]


def test_numbers_are_kept_unrounded_with_what_made_them(sample, tmp_path):
    args = argparse.Namespace(
        data=tmp_path / "set" / "test", out=tmp_path, weights="w", plan=PLAN, limit=None, threads=1,
        batch_size=8, device="cpu", precision="float32", consistent=False,
    )  # fmt: skip
    bench = SimpleNamespace(
        args=args, hr=np.zeros((3, 4, 4, 3), np.uint8), key=["abc"], data_sha256="def",
        colour_shift=lambda pixels: 0.5,
    )  # fmt: skip
    row = sample.Row(
        "ddim:8", "ddim", "ddim", 8, False, 1.0, 1.0, "s", 8, 1.5, 31.25, 28.5, 34.75, -2.125, -3.0,
        -1.0, 26.125, 1.65e-6, 0.5,
    )  # fmt: skip
    write_measurements(tmp_path / "sample.json", sample.measurements(bench, [row]))
    found = read_measurements(tmp_path / "sample.json")
    assert found.made["data"] == {"name": "set/test", "sha256": "def", "n": 3}
    assert found.made["weights"]["sha256"] == "abc"
    numbers = found.rows["ddim:8"]
    assert (numbers["fd"].value, numbers["fd"].low, numbers["fd"].high) == (31.25, 28.5, 34.75)
    assert (numbers["fd_minus_baseline"].value, numbers["consistency"].value) == (-2.125, 1.65e-6)
    assert found.rows["true pictures"]["colour_shift"].value == 0.5
