"""The plot of the learning curves."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr3.base.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def curves(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("curves")


def write(path, *rows):
    path.write_text("step,name,value\n" + "".join(f"{','.join(map(str, r))}\n" for r in rows))


def test_each_quantity_of_each_model_is_a_line(curves, tmp_path):
    write(tmp_path / "a-sr3.csv", (1, "train/loss", 0.5), (2, "train/loss", 0.25))
    write(tmp_path / "a-regression.csv", (1, "train/loss", 2), (1, "validation/psnr", 20))
    write(tmp_path / "my-b-sr3.csv", (3, "validation/psnr", 30), (3, "other", 1))
    figure = curves.plot(curves.read_curves(tmp_path))
    lines = {
        (axis.get_title(), axis.get_ylabel(), line.get_label()): line.get_xydata().tolist()
        for axis in figure.axes
        for line in axis.lines
    }
    loss, psnr = curves.QUANTITIES.values()
    assert lines == {
        ("a", loss, "sr3"): [[1, 0.5], [2, 0.25]],
        ("a", loss, "regression"): [[1, 2]],
        ("a", psnr, "regression"): [[1, 20]],
        ("my-b", psnr, "sr3"): [[3, 30]],
    }


def test_the_kept_curves_are_plotted(curves, tmp_path):
    out = tmp_path / "curves.png"
    assert curves.main(["--data", str(ROOT / "results" / "curves"), "--out", str(out)]) == 0
    assert np.asarray(Image.open(out).convert("RGB")).std() > 5


def test_what_is_no_curve_is_refused(curves, tmp_path):
    with pytest.raises(InputError, match="found no <suite>-<system>"):
        curves.read_curves(tmp_path)
    (tmp_path / "a-sr3.csv").write_text("step,loss\n1,2\n")
    with pytest.raises(InputError, match="wanted step,name,value"):
        curves.read_curves(tmp_path)
