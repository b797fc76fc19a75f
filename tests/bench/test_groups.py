"""Metrics by group: known differences are found, none are invented, files are read by stem."""

import json

import numpy as np
import pytest

from bench.dataset import EMBEDDED
from bench.groups import (
    OTHER,
    break_down,
    embedded_attributes,
    levels,
    of_run,
    read_attributes,
)
from bench.metric import load_metric
from bench.statistics import bootstrap_mean
from sr3.errors import InputError
from sr3.images import open_image

METRICS = {"psnr": load_metric("psnr")}


def test_numbers_are_cut_into_thirds_by_size():
    found = levels(list(range(30)))
    assert [found.count(level) for level in dict.fromkeys(found)] == [10, 10, 10]
    assert found[0] == "0 to 9"
    assert found[-1] == "20 to 29"


def test_few_numbers_and_words_stay_themselves_and_rare_ones_join():
    assert set(levels([1, 2] * 6)) == {"1", "2"}
    assert set(levels(["a"] * 9 + ["b"] * 5 + ["c", "d"])) == {"a", "b", OTHER}
    assert set(levels([True] * 6 + [False] * 6)) == {"True", "False"}


def test_a_blend_counts_as_its_largest_share():
    blends = [{"x": 0.6, "y": 0.4}] * 6 + [{"x": 0.1, "y": 0.9}] * 6
    assert levels(blends) == ["x"] * 6 + ["y"] * 6


@pytest.fixture
def attributes():
    return {f"p{i}": {"image": f"p{i}", "half": "ab"[i % 2], "age": i} for i in range(60)}


def test_a_known_difference_is_found_and_only_that(attributes):
    values = np.random.default_rng(0).normal(25, 1, 60)
    values[1::2] += 2
    found = break_down("s", list(attributes), {"psnr": values}, attributes, METRICS)
    by_name = {b.attribute: b for b in found}
    assert by_name["half"].p_holm < 1e-6
    assert by_name["age"].p_holm > 0.05
    low, high = by_name["half"].groups
    expected = bootstrap_mean(values[::2])
    assert (low.level, low.value, low.low, low.n) == ("a", expected.value, expected.low, 30)
    assert high.value - low.value == pytest.approx(2, abs=0.8)


def test_no_difference_is_found_about_five_times_in_a_hundred(attributes):
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        values = {"psnr": rng.normal(25, 1, 60)}
        found = break_down("s", list(attributes), values, attributes, METRICS)
        hits += any(b.p_holm < 0.05 for b in found)
    assert 1 <= hits <= 22  # family-wise 5 % of 200, three standard deviations


def test_infinite_values_are_left_out(attributes):
    values = np.full(60, 25.0)
    values[:2] = np.inf
    (half, _) = break_down("s", list(attributes), {"psnr": values}, attributes, METRICS)
    assert [group.n for group in half.groups] == [29, 29]
    assert half.p_value == 1


def test_an_image_without_attributes_is_named(attributes):
    with pytest.raises(InputError, match="1 images, such as zz"):
        break_down("s", ["p0", "zz"], {"psnr": np.ones(2)}, attributes, METRICS)


def test_csv_and_jsonl_say_the_same(tmp_path):
    rows = [{"file": "test/a.png", "sex": "f"}, {"file": "test/b.png", "sex": "m"}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "a.csv").write_text("file,sex\ntest/a.png,f\ntest/b.png,m\n")
    assert read_attributes(tmp_path / "a.jsonl") == read_attributes(tmp_path / "a.csv")
    assert set(read_attributes(tmp_path / "a.csv")) == {"a", "b"}


@pytest.mark.parametrize("text", ["", '{"sex": "f"}\n', "{broken\n"])
def test_unusable_files_are_refused(tmp_path, text):
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(InputError):
        read_attributes(tmp_path / "a.jsonl")


def test_the_embedded_faces_all_have_attributes():
    attributes = read_attributes(embedded_attributes())
    stems = {path.stem for path in (EMBEDDED / "faces-rendered").glob("*.png")}
    assert set(attributes) == stems
    assert {"sex", "age", "race", "env", "yaw"} <= set(attributes["000"])


def test_a_run_is_broken_down_into_files(images, suite, tmp_path, capsys):
    from bench import run as command

    data = images(n=12)
    rows = [{"image": f"p{i}", "half": "ab"[i % 2]} for i in range(12)]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ["--suite", suite, "--data", str(data), "--out", str(tmp_path / "runs")]
    assert command.main([*arguments, "--groups", str(path)]) == 0
    folder = tmp_path / "runs/tiny"
    stored = json.loads((folder / "groups.json").read_text())
    assert {b["system"] for b in stored} == {"bicubic", "nearest"}
    assert {b["metric"] for b in stored} == {"psnr", "ssim", "consistency"}
    assert "bicubic  PSNR  by half" in (folder / "groups.txt").read_text()
    assert open_image(folder / "groups.png").width > 500
    with pytest.raises(InputError, match="no finished records"):
        of_run(tmp_path, path)
