"""Metrics by group: known differences are found, none are invented, files are read by stem."""

import json

import numpy as np
import pytest

from bench.comparison.attributes import OTHER, levels, read_attributes, resolve
from bench.comparison.groups import SystemValues, break_down, gains
from bench.groups import main as groups_main
from bench.images.hr import EMBEDDED
from bench.metrics.protocol import load_metric
from bench.reporting.group_files import write_groups
from bench.reporting.page import write_page
from bench.statistics.intervals import bootstrap_mean
from bench.typesetting import markdown
from bench.typesetting.group_table import group_table
from bench.typesetting.group_text import render
from sr3.base.errors import InputError
from sr3.pictures.images import open_image

METRICS = {name: load_metric(name) for name in ("psnr", "consistency", "psnr_pooled", "top1_error")}


def judged(system, **values):
    """Values of 60 images."""
    return SystemValues(system, [f"p{i}" for i in range(60)], values)


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
    found = break_down(judged("s", psnr=values), attributes, METRICS)
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
        found = break_down(judged("s", psnr=rng.normal(25, 1, 60)), attributes, METRICS)
        hits += any(b.p_holm < 0.05 for b in found)
    assert 1 <= hits <= 22  # family-wise 5 % of 200, three standard deviations


def test_infinite_values_are_left_out(attributes):
    values = np.full(60, 25.0)
    values[:2] = np.inf
    (half, _) = break_down(judged("s", psnr=values), attributes, METRICS)
    assert [group.n for group in half.groups] == [29, 29]
    assert half.p_value == 1


def test_an_image_without_attributes_is_named(attributes):
    with pytest.raises(InputError, match=r"1 of 2 images, such as zz: .* have 60, such as p0"):
        break_down(SystemValues("s", ["p0", "zz"], {"psnr": np.ones(2)}), attributes, METRICS)


def hard_images(rng):
    """Values of a baseline whose images differ far more than any gain."""
    return rng.normal(25, 5, 60)


def test_a_gain_that_differs_is_found_where_values_hide_it(attributes):
    rng = np.random.default_rng(2)
    base = hard_images(rng)
    gain = 2 + rng.normal(0, 0.3, 60)
    gain[1::2] -= 1
    one, other = judged("bicubic", psnr=base), judged("s", psnr=base + gain)
    values = {b.attribute: b for b in break_down(other, attributes, METRICS)}
    found = {b.attribute: b for b in gains(other, one, attributes, METRICS)}
    assert values["half"].p_holm > 0.05
    assert found["half"].p_holm < 1e-6
    assert found["age"].p_holm > 0.05
    assert found["half"].over == "bicubic"
    first, second = found["half"].groups
    expected = bootstrap_mean((base + gain - base)[::2])
    assert (first.value, first.low, first.high) == pytest.approx(
        (expected.value, expected.low, expected.high)
    )
    assert first.low > second.high > second.low > 0


def test_equal_gains_are_taken_for_different_about_five_times_in_a_hundred(attributes):
    rng, hits = np.random.default_rng(3), 0
    for _ in range(200):
        base = hard_images(rng)
        other = judged("s", psnr=base + rng.normal(1, 1, 60))
        found = gains(other, judged("bicubic", psnr=base), attributes, METRICS)
        hits += any(b.p_holm < 0.05 for b in found)
    assert 1 <= hits <= 22  # family-wise 5 % of 200, three standard deviations


def test_more_gain_is_better_whatever_the_metric(attributes):
    base, better = np.full(60, 2e-5), np.full(60, 1e-5)
    one, other = judged("bicubic", consistency=base), judged("s", consistency=better)
    for b in gains(other, one, attributes, METRICS):
        assert [group.value for group in b.groups] == pytest.approx([1e-5] * len(b.groups))


def test_gains_of_errors_have_the_interval_of_paired_proportions(attributes):
    wrong, right = np.ones(60), np.zeros(60)
    one, other = judged("bicubic", top1_error=wrong), judged("s", top1_error=right)
    (half, _) = gains(other, one, attributes, METRICS)
    expected = METRICS["top1_error"].pair(wrong[::2], right[::2]).difference
    assert (half.groups[0].value, half.groups[0].low) == (1.0, expected.low)


def test_gains_leave_out_what_is_no_mean_and_images_without_a_finite_one(attributes):
    base = np.full(60, 25.0)
    base[0] = np.inf
    values = {"psnr": base + 1, "psnr_pooled": np.full(60, 0.1)}
    found = gains(judged("s", **values), judged("bicubic", **values), attributes, METRICS)
    assert {b.metric for b in found} == {"psnr"}
    assert [group.n for group in found[0].groups] == [29, 30]


def test_gains_need_the_same_images(attributes):
    one = SystemValues("bicubic", ["p1", "p0"], {"psnr": np.ones(2)})
    with pytest.raises(InputError, match="other images of s than of bicubic"):
        gains(SystemValues("s", ["p0", "p1"], {"psnr": np.ones(2)}), one, attributes, METRICS)


def test_the_table_has_a_row_per_group_and_the_gains_beside(attributes):
    base = np.linspace(20, 30, 60)
    one, other = judged("bicubic", psnr=base), judged("s", psnr=base + 1)
    found = break_down(one, attributes, METRICS) + gains(other, one, attributes, METRICS)
    choice = markdown.Choice(with_n=True)
    lines = markdown.render(group_table(found, "psnr"), choice).splitlines()
    assert lines[0] == "|  | n | bicubic | s - bicubic |"
    assert lines[2].startswith("| half a | 30 | 24.92 [")
    assert lines[2].endswith("| +1.00 [+1.00, +1.00] |")
    assert "s  PSNR gain over bicubic  by half: p = 1\n" in render(found)
    with pytest.raises(InputError, match="no metric ssim by group, wanted one of psnr"):
        group_table(found, "ssim")


def test_csv_and_jsonl_say_the_same(tmp_path):
    rows = [{"file": "test/a.png", "sex": "f"}, {"file": "test/b.png", "sex": "m"}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "a.csv").write_text("file,sex\ntest/a.png,f\ntest/b.png,m\n")
    assert read_attributes(tmp_path / "a.jsonl") == read_attributes(tmp_path / "a.csv")
    assert set(read_attributes(tmp_path / "a.csv")) == {"a", "b"}


@pytest.mark.parametrize(
    "text", ["", '{"sex": "f"}\n', "{broken\n", "[1]\n", '{"image": "a"}\n{"sex": "f"}\n']
)
def test_unusable_files_are_refused(tmp_path, text):
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(InputError):
        read_attributes(tmp_path / "a.jsonl")


def test_the_embedded_faces_all_have_attributes():
    attributes = read_attributes(resolve("embedded"))
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
    assert {b["over"] for b in stored if b["system"] == "nearest"} == {"", "bicubic"}
    assert open_image(folder / "groups.png").width > 500
    assert open_image(folder / "groups-gains.png").width > 500
    page = write_page(folder, tmp_path / "report.html", 4).read_text()
    assert 'alt="gains by group"' in page
    assert "after Holm&#39;s correction" in page or "after Holm's correction" in page
    capsys.readouterr()
    options = [str(folder), "--groups", str(path), "--table", "psnr", "--baseline", "nearest"]
    assert groups_main(options) == 0
    assert "bicubic - nearest" in capsys.readouterr().out
    with pytest.raises(InputError, match="no record of zz"):
        write_groups(folder, path, "zz")
    with pytest.raises(InputError, match="no finished records"):
        write_groups(tmp_path, path)
