"""The picture of docs/models.md: its numbers are those that are kept."""

import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.records.finished import read_finished
from bench.records.measurements import read_measurements
from sr3.base.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def drawing(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.chdir(ROOT)
    return importlib.import_module("tradeoff")


def test_the_curve_is_the_kept_settings_and_the_points_the_kept_run(drawing):
    found = read_measurements(drawing.KEPT / "samplers.json")
    shown = drawing.tradeoff(found, drawing.KEPT / "face8x", "dpmpp-2m-sde:8")
    (curve,) = shown.curves
    softened = [row for row in found.rows if row.partition("@")[0] == "dpmpp-2m-sde:8"]
    assert {place.system for place in curve.places} == set(softened)
    spreads = [float(place.label.partition(" / ")[2]) for place in curve.places]
    assert spreads == sorted(spreads, reverse=True)
    for place in curve.places:
        row = found.rows[place.system]
        for number, kept in ((place.fidelity, row["psnr"]), (place.naturalness, row["fd"])):
            assert (number.value, number.low, number.high) == (kept.value, kept.low, kept.high)
    scores = {r.system: r.metrics for r in read_finished(drawing.KEPT / "face8x").records}
    assert {"bicubic", "regression"} <= {point.label for point in shown.points}
    for point in shown.points:
        assert point.fidelity.value == scores[point.system]["psnr"].value
        assert point.naturalness.value == scores[point.system]["fd_efficientnet_lite0"].value


def test_it_is_drawn(drawing, tmp_path):
    assert drawing.main(["--out", str(tmp_path / "t.png")]) == 0
    assert np.asarray(Image.open(tmp_path / "t.png").convert("RGB")).std() > 5


def test_other_pictures_and_too_few_settings_are_refused(drawing):
    found = read_measurements(drawing.KEPT / "samplers.json")
    with pytest.raises(InputError, match="found 1 settings of heun:4, wanted two or more"):
        drawing.tradeoff(found, drawing.KEPT / "face8x", "heun:4")
    data = found.made["data"] | {"sha256": "0"}
    other = replace(found, made=found.made | {"data": data})
    with pytest.raises(InputError, match="wanted the same pictures"):
        drawing.tradeoff(other, drawing.KEPT / "face8x", "dpmpp-2m-sde:8")
