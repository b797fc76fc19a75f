"""Displaced faces: whole pixels are moved as they are, edges by what the name says."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.doctor.facts import fit_warp
from bench.records.measurements import read_measurements

ROOT = Path(__file__).parents[2]


@pytest.fixture
def displaced(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("displaced")


def picture(seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((128, 128), Image.Resampling.BICUBIC))


def test_whole_pixels_are_moved_and_edges_repeated(displaced):
    pixels = picture()
    moved = displaced.displaced(pixels, displaced.Displacement("", right=1, down=2))
    assert (moved[2:, 1:] == pixels[:-2, :-1]).all()
    assert (moved[:2, 1:] == pixels[0, :-1]).all()
    assert (displaced.displaced(pixels, displaced.Displacement("")) == pixels).all()


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ({"right": 0.5, "down": -0.5}, (0.5, -0.5, 0, 0)),
        ({"grown": 1}, (0, 0, 1, 1)),
        ({"grown": -1}, (0, 0, -1, -1)),
    ],
)
def test_displacements_are_what_the_doctor_measures(displaced, way, expected):
    pixels = picture()
    moved = displaced.displaced(pixels, displaced.Displacement("", **way))
    y, x = (torch.tensor(p.copy()).permute(2, 0, 1)[None].double() / 255 for p in (moved, pixels))
    np.testing.assert_allclose(fit_warp(y, x)[0].numpy(), expected, atol=0.1)


def test_a_turn_moves_the_edges_and_not_the_middle(displaced):
    pixels = picture()
    y = displaced.displaced(pixels, displaced.Displacement("", turned=1)).astype(int)
    gap = np.abs(y - pixels).mean(axis=2)
    assert gap[56:72, 56:72].mean() < 0.3 * gap[:, -8:].mean()


def test_the_command_prints_means_and_changes(displaced, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(displaced, "DISPLACEMENTS", displaced.DISPLACEMENTS[:2])
    faces = tmp_path / "faces"
    faces.mkdir()
    for seed in range(4):
        Image.fromarray(picture(seed)).save(faces / f"p{seed}.png")
    arguments = [str(faces), "--out", str(tmp_path / "out"), "--systems", "bicubic"]
    assert displaced.main([*arguments, "--metrics", "psnr,consistency"]) == 0
    printed = capsys.readouterr().out
    assert "| bicubic, right by 1 px |" in printed
    found = read_measurements(tmp_path / "out" / "displaced.json")
    before, after = found.rows["bicubic, as it is"], found.rows["bicubic, right by 1 px"]
    assert "change of psnr" not in before
    change = after["change of psnr"]
    assert change.low < change.value < change.high
    assert after["psnr"].value - before["psnr"].value == pytest.approx(change.value)
    assert found.n == 4
