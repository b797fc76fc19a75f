"""The classic test sets: pictures of several sizes, gray ones among them, LR made or given."""

import json

import numpy as np
import pytest
from PIL import Image

from bench import check, data, explain, report, tables
from bench import run as command
from bench.records.record import read_record
from bench.suites.classic import SETS, SUITES
from bench.suites.protocol import load_suite, suite_names
from sr3.pictures.operators import KNOWN

SIZES = ((90, 70), (64, 110), (130, 66), (90, 70))
# PSNR of Y, computed apart from this project (and published: 33.66, 30.39, 28.42, 26.00)
BICUBIC = {"set5-x2": 33.68, "set5-x3": 30.41, "set5-x4": 28.43, "set14-x4": 26.09}


def texture(seed, size):
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8))
    return coarse.resize((size[1], size[0]), Image.Resampling.BICUBIC)


@pytest.fixture
def hr(tmp_path):
    """Four pictures of three sizes, one of them gray."""
    folder = tmp_path / "hr"
    folder.mkdir()
    for i, size in enumerate(SIZES):
        image = texture(i, size)
        (image.convert("L") if i == 2 else image).save(folder / f"p{i}.png")
    return folder


def run(hr, tmp_path, *more, suite="set5-x4"):
    arguments = ["--suite", suite, "--data", hr, "--out", tmp_path / "runs", *more]
    assert command.main([*map(str, arguments), "--device", "cpu"]) == 0
    return tmp_path / "runs" / suite


def test_a_family_is_one_file_and_every_member_a_suite():
    assert len(SUITES) == len(SETS) * 3
    assert set(SUITES) <= set(suite_names())
    for name in SUITES:
        suite = load_suite(name).suite
        assert name == f"{name.rpartition('-x')[0]}-x{suite.scale}"
        assert suite.metrics[:2] == ("psnr_y", "ssim_y")
        assert KNOWN[suite.operator].name == "matlab-bicubic"
    assert load_suite("div2k_valid_x3").suite == load_suite("div2k-valid-x3").suite


def test_several_sizes_and_gray_go_all_the_way(hr, tmp_path, capsys):
    folder = run(hr, tmp_path, "--systems", "bicubic,nearest")
    printed = capsys.readouterr().out
    assert "images   4 of 3 sizes, 108x64 to 64x128" in printed
    assert "gray, as three equal channels: p2" in printed
    assert "LR       made by matlab-bicubic (MATLAB's imresize, bicubic), 8-bit" in printed
    assert "SwinIR (DIV2K, Flickr2K)*" in printed
    record = read_record(folder / "bicubic.json")
    assert (record.size, record.dataset["gray"]) == ([], ["p2"])
    assert record.extra["lr"] == {"operator": "matlab-bicubic"}
    assert (
        record.metrics["psnr_y"].value
        > read_record(folder / "nearest.json").metrics["psnr_y"].value
    )
    floor = read_record(folder / "hr.json").metrics["consistency"].value
    assert 0.05e-5 < floor < 0.3e-5
    with Image.open(folder / "images" / "bicubic" / "p1.png") as output:
        assert (output.mode, output.size) == ("RGB", (108, 64))
    assert (folder / "sheet.png").is_file()
    report.main([str(folder)])
    assert "cycles per 128 pixels" in (folder / "report.html").read_text()
    assert tables.main([str(folder)]) == 0
    assert explain.main([str(folder), "--value", "bicubic:psnr=20.00"]) == 0
    outputs = folder / "images" / "nearest"
    arguments = ["--suite", "set5-x4", "--data", hr, "--accept", "copies"]
    assert check.main([str(outputs), *map(str, arguments)]) == 0
    assert "that of its HR" in capsys.readouterr().out


def test_a_second_run_makes_nothing_again_and_a_batch_changes_nothing(hr, tmp_path):
    folder = run(hr, tmp_path, "--systems", "bicubic")
    files = {p: p.stat().st_mtime_ns for p in (folder / "images").rglob("*.png")}
    before = read_record(folder / "bicubic.json")
    run(hr, tmp_path, "--systems", "bicubic", "--batch-size", "1")
    assert {p: p.stat().st_mtime_ns for p in (folder / "images").rglob("*.png")} == files
    assert read_record(folder / "bicubic.json").metrics == before.metrics


def give_lr(hr, tmp_path, operator, scale=4):
    """A folder of LR, by an operator of ours or by plain squeezing of contrast."""
    folder = tmp_path / "lr"
    folder.mkdir(exist_ok=True)
    for path in sorted(hr.iterdir()):
        with Image.open(path) as opened:
            pixels, mode = np.asarray(opened.convert("RGB")), opened.mode
        height, width = (side - side % scale for side in pixels.shape[:2])
        cut = Image.fromarray(pixels[:height, :width])
        small = cut.resize((width // scale, height // scale), Image.Resampling.LANCZOS)
        if operator is None:
            small = small.point(lambda level: level // 2)
        small.convert(mode).save(folder / path.name)
    return folder


def test_given_lr_is_what_systems_see_and_consistency_uses_its_operator(hr, tmp_path, capsys):
    lr = give_lr(hr, tmp_path, "lanczos")
    folder = run(hr, tmp_path, "--lr", lr, "--systems", "bicubic,nearest")
    assert "made by lanczos (antialiased Lanczos" in capsys.readouterr().out
    record = read_record(folder / "nearest.json")
    assert record.downsampler == "given files, made by lanczos"
    assert record.extra["lr"]["operator"] == "lanczos"
    assert read_record(folder / "hr.json").metrics["consistency"].value < 0.3e-5
    with Image.open(folder / "images" / "nearest" / "p0.png") as output:
        seen = np.asarray(output)[::4, ::4]
    with Image.open(lr / "p0.png") as given:
        assert np.array_equal(seen, np.asarray(given))
    report.main([str(folder)])
    assert explain.main([str(folder), "--value", "bicubic:psnr=20.00"]) == 0


def test_lr_of_unknown_make_leaves_consistency_out_with_the_reason(hr, tmp_path, capsys):
    folder = run(hr, tmp_path, "--lr", give_lr(hr, tmp_path, None), "--systems", "nearest")
    score = read_record(folder / "nearest.json").metrics["consistency"]
    assert score.value is None
    assert score.status.startswith("unavailable: the given LR was made by none of the known")
    assert "made by none of the known operators: the nearest, " in capsys.readouterr().out
    report.main([str(folder)])
    outputs = folder / "images" / "nearest"
    arguments = ["--suite", "set5-x4", "--data", hr, "--lr", tmp_path / "lr"]
    assert check.main([str(outputs), *map(str, arguments)]) in (1, 3)


def test_other_lr_is_another_cache_entry(hr, tmp_path):
    made = run(hr, tmp_path, "--systems", "nearest")
    first = json.loads((made / "nearest.json").read_text())["outputs_sha256"]
    run(hr, tmp_path, "--systems", "nearest", "--lr", give_lr(hr, tmp_path, "lanczos"))
    assert json.loads((made / "nearest.json").read_text())["outputs_sha256"] != first
    run(hr, tmp_path, "--systems", "nearest")
    assert json.loads((made / "nearest.json").read_text())["outputs_sha256"] == first


@pytest.mark.parametrize("name", list(BICUBIC))
def test_the_bicubic_row_of_the_literature(shared, tmp_path, name):
    family, _, scale = name.rpartition("-x")
    folder = shared / "classic" / family / f"x{scale}"
    lr = ["--lr", folder / "LR"]
    made = run(folder / "HR", tmp_path, *lr, "--systems", "bicubic", suite=name)
    record = read_record(made / "bicubic.json")
    assert record.metrics["psnr_y"].value == pytest.approx(BICUBIC[name], abs=0.006)
    assert record.extra["lr"]["operator"].startswith("matlab-bicubic")
    assert record.extra["lr"]["equal"] == 1


def test_the_list_of_data_says_where_to_get_a_set(capsys):
    assert data.main(["list"]) == 0
    printed = capsys.readouterr().out
    assert "urban100-x3      HR of any size, 1/3" in printed
    assert "get it with LR in github.com/jbhuang0604/SelfExSR" in printed


def test_a_classic_set_needs_no_preparation(tmp_path, hr):
    with pytest.raises(Exception, match="takes its pictures as they are"):
        data.main(["prepare", "--suite", "set5-x4", str(hr), str(tmp_path / "out")])
