"""Which systems of a run make a curve, in what order, and where they stand in the picture."""

import base64
import itertools
import math
import random
import re

import numpy as np
import pytest

from bench import report, run
from bench.comparison.tradeoff import tradeoff_of
from bench.metrics.protocol import load_metric
from bench.plots.tradeoff import drawn, plot
from bench.records.finished import read_finished
from bench.records.record import Record, Score
from bench.reporting.page import render
from sr3.base.errors import InputError
from sr3.base.files import read_json, write_json

METRICS = {name: load_metric(name) for name in ("ssim", "psnr", "fd_efficientnet_lite0")}


def record(system, psnr, fd, weights=None, role="system", status="ok", **how):
    numbers = {
        "psnr": (psnr, psnr - 0.3, psnr + 0.2),
        "fd_efficientnet_lite0": (fd, fd - 4, fd + 5),
    }
    scores = {name: Score(*values, 7, "", 1) for name, values in numbers.items()}
    return Record(
        suite="face8x", suite_version=1, system=system, role=role, source="test",
        dataset={"name": "people", "sha256": "0", "n": 7}, scale=8, size=(128, 128),
        downsampler="d", seed=0, batch_size=1, checkpoint_sha256=weights,
        sampler=how.get("sampler"), steps=how.get("steps"), outputs_sha256=None, libraries={},
        provenance={"checkpoint": f"{weights}.safetensors", "consistent": False} | how,
        hardware={}, git=None, created="", metrics=scores, status=status,
    )  # fmt: skip


def setting(temperature, spread, steps=8, sampler="ddim", weights="w", **how):
    told = {"temperature": temperature, "spread": spread, "steps": steps, "sampler": sampler} | how
    name = "-".join(str(value) for value in told.values())
    return record(name, 25 - spread - steps / 100, 40 + 10 * spread, weights, **told)


SOFTER = [setting(*at) for at in ((1, 1), (0.9, 0.8), (0.85, 0.8), (0.9, 0.7), (1, 0))]
OTHERS = [
    record("hr", math.inf, 0, role="reference"),
    record("bicubic", 23, 170),
    record("regression", 27.5, 58, "twin"),
    record("esrgan", 22, 30, role="imported"),
]


def numbers_of(score):
    return score.value, score.low, score.high


def labels(curve):
    return [place.label for place in curve.places]


@pytest.mark.parametrize("seed", range(5))
def test_a_models_settings_are_one_curve_from_samples_to_the_mean(seed):
    records = random.Random(seed).sample([*SOFTER, *OTHERS], len(SOFTER) + len(OTHERS))
    shown = tradeoff_of(records, METRICS)
    (curve,) = shown.curves
    assert labels(curve) == ["1 / 1", "0.9 / 0.8", "0.85 / 0.8", "0.9 / 0.7", "1 / 0"]
    assert (curve.model, curve.told, curve.shown) == (
        "w",
        "ddim, 8 steps",
        ("temperature", "spread"),
    )
    assert {place.label for place in shown.points} == {"bicubic", "regression", "esrgan"}
    assert shown.caption == "face8x on people, N = 7; 95 % intervals"


def test_steps_make_a_curve_from_few_to_many():
    shown = tradeoff_of([setting(0.9, 0.8, steps) for steps in (32, 2, 8)], METRICS)
    (curve,) = shown.curves
    assert (labels(curve), curve.shown) == (["2", "8", "32"], ("steps",))


def test_samplers_and_models_have_curves_of_their_own():
    both = [setting(1, s, sampler=k) for k, s in itertools.product(("ddim", "heun"), (1, 0.5))]
    shown = tradeoff_of([*both, *(setting(1, s, weights="v") for s in (1, 0))], METRICS)
    assert [(c.model, c.told, labels(c)) for c in shown.curves] == [
        ("w", "ddim, 8 steps", ["1", "0.5"]), ("w", "heun, 8 steps", ["1", "0.5"]),
        ("v", "ddim, 8 steps", ["1", "0"]),
    ]  # fmt: skip
    alone = tradeoff_of([setting(1, 1, sampler=k) for k in ("ddim", "heun")], METRICS)
    assert [(c.told, len(c.places)) for c in alone.curves] == [
        ("ddim, 8 steps", 1), ("heun, 8 steps", 1),
    ]  # fmt: skip


def test_where_steps_and_softening_vary_a_curve_keeps_one_of_them():
    grid = [setting(1, spread, steps) for steps in (4, 8) for spread in (1, 0.5, 0)]
    shown = tradeoff_of([*grid, setting(1, 0.5, 16)], METRICS)
    assert [(c.told, labels(c)) for c in shown.curves] == [
        ("ddim, 4 steps", ["1", "0.5", "0"]), ("ddim, 8 steps", ["1", "0.5", "0"]),
        ("ddim, 16 steps", ["0.5"]),
    ]  # fmt: skip
    (curve,) = tradeoff_of([setting(1, 0.5, 8), setting(1, 1, 4)], METRICS).curves
    assert labels(curve) == ["1 / 4", "0.5 / 8"]


def test_without_two_settings_or_a_metric_there_is_no_picture():
    assert tradeoff_of([SOFTER[0], *OTHERS], METRICS) is None
    assert tradeoff_of([SOFTER[0], setting(1, 1), *OTHERS], METRICS) is None  # the same twice
    assert tradeoff_of([SOFTER[0], record("x", 20, 9, "w", status="failed: x")], METRICS) is None
    for name in ("psnr", "fd_efficientnet_lite0"):
        assert tradeoff_of(SOFTER, {k: v for k, v in METRICS.items() if k in (name,)}) is None


def test_what_is_drawn_are_the_numbers_of_the_records():
    records = [*SOFTER, *OTHERS]
    figure = plot(tradeoff_of(records, METRICS))
    (axes,) = figure.axes
    found = []
    for line, _, bars in (container.lines for container in axes.containers):
        spans = [bar.get_segments() for bar in bars]
        for row, at in enumerate(line.get_xydata()):
            across, up = spans[0][row], spans[1][row]
            found.append([at[0], *across[:, 0], at[1], *up[:, 1]])
    expected = [
        [x for name in METRICS if name in r.metrics for x in numbers_of(r.metrics[name])]
        for r in records
        if r.system != "hr"
    ]
    np.testing.assert_allclose(sorted(found), sorted(expected))
    assert axes.get_xlabel() == "PSNR, dB (better: right)"
    assert axes.get_ylabel() == "FD (EffNet-Lite0) (better: down)"


def test_labels_do_not_cover_one_another_and_stay_inside():
    close = [setting(1, spread) for spread in (1, 0.99, 0.98, 0.97, 0.96)]
    figure = plot(tradeoff_of([*close, *OTHERS], METRICS))
    (axes,) = figure.axes
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 8
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert all(axes.bbox.contains(*corner) for box in boxes for corner in box.corners())


def test_the_same_numbers_make_the_same_file():
    shown = tradeoff_of(SOFTER, METRICS)
    for kind in ("svg", "png"):
        assert drawn(shown, kind) == drawn(shown, kind)


@pytest.fixture
def finished(images, suite, tmp_path, quick_network):
    """A run of a tiny model at its own and at two further settings, beside bicubic."""
    from tiny_weights import upscaler

    metrics = "psnr,fd_efficientnet_lite0"
    options = ["--suite", suite, "--data", images(), "--out", tmp_path / "runs", "--device", "cpu"]
    weights = upscaler(tmp_path / "w.safetensors")
    options += ["--checkpoint", f"sr3={weights}", "--systems", "bicubic,sr3", "--metrics", metrics]
    options += [
        "--setting",
        "mean=sr3:spread=0",
        "--setting",
        "half=sr3:temperature=0.5,spread=0.5",
    ]
    assert run.main([str(option) for option in options]) == 0
    return tmp_path / "runs" / "tiny"


def test_the_report_shows_it_and_a_command_writes_it(finished, tmp_path, capsys):
    results = read_finished(finished)
    shown = tradeoff_of(results.records, results.metrics)
    assert [p.system for c in shown.curves for p in c.places] == ["sr3", "half", "mean"]
    page = render(results, 3)
    (uri,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert base64.b64decode(uri) == drawn(shown, titled=False)
    assert shown.caption in page
    assert re.fullmatch(r"tiny on .*/hr, N = 5; 95 % intervals", shown.caption)
    for name in ("t.png", "t.svg"):
        assert report.main([str(finished), "--tradeoff", str(tmp_path / name)]) == 0
        assert (tmp_path / name).read_bytes() == drawn(shown, name[-3:])
    with pytest.raises(InputError, match=r"found t\.pdf for a picture, wanted \.png or \.svg"):
        report.main([str(finished), "--tradeoff", str(tmp_path / "t.pdf")])


def test_a_run_without_such_rows_has_no_such_picture(finished, tmp_path):
    index = read_json(finished / "results.json")
    write_json(finished / "results.json", index | {"systems": ["hr", "bicubic", "sr3"]})
    assert 'id="tradeoff"' not in render(read_finished(finished), 3)
    with pytest.raises(InputError, match="found no model at two settings"):
        report.main([str(finished), "--tradeoff", str(tmp_path / "t.png")])
    assert not (tmp_path / "t.png").exists()
