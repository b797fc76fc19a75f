"""A whole run over tiny images: records, caches, batches, and the failure of one system."""

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench import run as command
from bench.records.record import read_images, read_record
from bench.running import runner
from bench.running.config import RunConfig
from bench.running.plan import plan
from bench.statistics.intervals import bootstrap_mean

NOISY = '''
"""A system that adds the noise it is given."""
import torch
from sr3.pictures.resize import upsample


class Noisy:
    name, source, scale = "noisy", "test", 4
    provenance = {"version": 1}

    def upscale(self, lr, generators):
        up = upsample(lr, 4)
        noise = torch.stack([torch.randn(up.shape[1:], generator=g) for g in generators])
        return up + 0.05 * noise


def load(options):
    return Noisy()
'''

# Measured on 000..007 of faces-rendered, Pillow 13.0 and torch 2.13 on an x86-64 CPU.
GOLDEN = {"psnr": 26.2547, "ssim": 0.73548, "consistency": 2.3361e-4}

CRASHING = NOISY.replace('"noisy"', '"crashing"').replace(
    "up = upsample(lr, 4)",
    "if float(lr.mean()) == float(lr.mean()) and len(generators) == 1:\n"
    '            raise RuntimeError("no more\\nmemory")\n        up = upsample(lr, 4)',
)


@pytest.fixture
def config(images, suite, tmp_path):
    return RunConfig(suite=suite, data=images(), out=tmp_path / "runs", batch_size=2)


@pytest.fixture
def noisy(tmp_path):
    path = tmp_path / "noisy.py"
    path.write_text(NOISY)
    return str(path)


def start(config):
    return runner.run(plan(config), say=lambda line: None)


def test_a_record_holds_what_the_number_depends_on(config):
    result = start(config)
    record = json.loads((result.folder / "bicubic.json").read_text())
    assert record["suite"] == "tiny"
    assert record["suite_version"] == 3
    assert record["dataset"]["n"] == 5
    assert len(record["dataset"]["sha256"]) == 64
    for key in ("libraries", "hardware", "git", "seed", "checkpoint_sha256", "sampler", "steps"):
        assert key in record
    psnr = record["metrics"]["psnr"]
    assert psnr.keys() >= {"value", "low", "high", "n", "unit", "version", "status"}
    assert psnr["low"] < psnr["value"] < psnr["high"]
    assert psnr["unit"] == "dB"


def test_the_value_is_the_mean_of_the_stored_per_image_values(config):
    result = start(config)
    with (result.folder / "bicubic.images.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    values = [float(row["psnr"]) for row in rows]
    assert [row["image"] for row in rows] == [f"p{i}" for i in range(5)]
    score = read_record(result.folder / "bicubic.json").metrics["psnr"]
    assert score.value == pytest.approx(np.mean(values), abs=1e-12)
    assert score.low == bootstrap_mean(values).low


def test_the_stored_png_gives_the_stored_value(config):
    result = start(config)
    stems, values = read_images(result.folder, "bicubic")
    for stem, value in zip(stems, values["psnr"], strict=True):
        sr = np.asarray(Image.open(result.folder / "images/bicubic" / f"{stem}.png")).astype(float)
        hr = np.asarray(Image.open(config.data / f"{stem}.png")).astype(float)
        assert value == pytest.approx(10 * math.log10(255**2 / ((sr - hr) ** 2).mean()), abs=1e-9)


def test_ground_truth_is_a_row_of_its_own(config):
    result = start(config)
    record = read_record(result.folder / "hr.json")
    assert record.metrics["psnr"].status == "infinite"
    assert record.metrics["psnr"].infinite == 5
    assert record.metrics["ssim"].value == pytest.approx(1)
    assert 0 < record.metrics["consistency"].value < 0.5e-5


def test_results_do_not_depend_on_the_batch_size(config, noisy, tmp_path):
    together = start(replace(config, systems=(noisy,), batch_size=5))
    alone = start(replace(config, systems=(noisy,), batch_size=1, out=tmp_path / "alone"))
    for index in range(5):
        name = f"images/noisy/p{index}.png"
        assert (together.folder / name).read_bytes() == (alone.folder / name).read_bytes()
    first, second = (read_record(r.folder / "noisy.json").metrics for r in (together, alone))
    assert first["psnr"] == second["psnr"]


def test_the_seed_changes_the_noise_and_only_then(config, noisy, tmp_path):
    def psnr(seed, out):
        result = start(replace(config, systems=(noisy,), seed=seed, out=tmp_path / out))
        return read_record(result.folder / "noisy.json").metrics["psnr"].value

    assert psnr(0, "a") == psnr(0, "b") != psnr(1, "c")


def test_a_second_run_makes_and_judges_nothing(config, noisy, monkeypatch):
    first = start(replace(config, systems=(noisy,)))
    monkeypatch.setattr("bench.images.outputs.run_system", lambda *_: pytest.fail("made again"))
    monkeypatch.setattr(
        "bench.measuring.decoding.Decoder.read", lambda *_: pytest.fail("judged again")
    )
    assert start(replace(config, systems=(noisy,))).table == first.table


def test_the_cache_goes_by_content_not_by_name(config, noisy):
    first = start(replace(config, systems=(noisy,)))
    before = read_images(first.folder, "noisy")[1]["psnr"]
    a, b = config.data / "p0.png", config.data / "p1.png"
    swap = a.read_bytes()
    a.write_bytes(b.read_bytes())
    b.write_bytes(swap)
    after = read_images(start(replace(config, systems=(noisy,))).folder, "noisy")[1]["psnr"]
    np.testing.assert_array_equal(after, before[[1, 0, 2, 3, 4]])


def test_an_output_that_was_changed_on_disk_is_made_again(config, noisy):
    result = start(replace(config, systems=(noisy,)))
    path = result.folder / "images/noisy/p3.png"
    original = path.read_bytes()
    Image.new("RGB", (32, 32)).save(path)
    start(replace(config, systems=(noisy,)))
    assert path.read_bytes() == original


def test_a_crashing_system_leaves_its_images_and_the_others_go_on(config, tmp_path):
    path = tmp_path / "crashing.py"
    path.write_text(CRASHING)
    result = start(replace(config, systems=(str(path), "nearest")))  # batches of 2, 2 and then 1
    assert result.failed == ["crashing"]
    status = read_record(result.folder / "crashing.json").status
    assert status.startswith("failed: RuntimeError at crashing.py:")
    assert status.endswith("no more memory")
    assert len(list((result.folder / "images/crashing").glob("*.png"))) == 4
    assert read_record(result.folder / "nearest.json").metrics["psnr"].value is not None
    assert "crashing" in (result.folder / "table.txt").read_text()


def test_a_system_without_weights_is_a_row_with_a_reason(config):
    result = start(replace(config, systems=("bicubic", "sr3")))
    record = read_record(result.folder / "sr3.json")
    assert record.status.startswith("unavailable: weights")
    assert record.metrics == {}
    assert result.failed == []


def test_limit_takes_the_first_images_by_name(config):
    result = start(replace(config, limit=2))
    assert read_images(result.folder, "bicubic")[0] == ["p0", "p1"]


def test_dry_run_writes_nothing(config, capsys):
    arguments = ["--suite", config.suite, "--data", str(config.data), "--out", str(config.out)]
    assert command.main([*arguments, "--dry-run"]) == 0
    assert "bicubic, nearest" in capsys.readouterr().out
    assert not config.out.exists()


def test_the_command_prints_the_table(config, capsys):
    arguments = ["--suite", config.suite, "--data", str(config.data), "--out", str(config.out)]
    assert command.main([*arguments, "--metrics", "psnr", "--systems", "bicubic"]) == 0
    printed = capsys.readouterr().out
    assert "Ground truth" in printed
    assert "N = 5" in printed
    assert "∞" in printed


def test_require_turns_an_unavailable_system_into_an_exit_code(config):
    arguments = ["--suite", config.suite, "--data", str(config.data), "--out", str(config.out),
                 "--systems", "bicubic,sr3"]  # fmt: skip
    assert command.main(arguments) == 0
    assert command.main([*arguments, "--require"]) == 1


def test_the_resolved_configuration_lies_beside_the_records(config):
    result = start(config)
    saved = json.loads((result.folder / "run.json").read_text())
    assert saved["seed"] == 0
    assert Path(saved["data"]) == config.data


def test_nothing_half_written_is_left(config):
    result = start(config)
    assert not [p for p in result.folder.rglob("*") if p.name.endswith(".tmp")]


def test_embedded_faces_give_the_golden_numbers(tmp_path):
    """The first 8 embedded faces; psnr checked against scikit-image in test_pixel_metrics."""
    result = start(RunConfig(suite="face8x", systems=("bicubic",), limit=8, out=tmp_path))
    metrics = read_record(result.folder / "bicubic.json").metrics
    assert metrics["psnr"].value == pytest.approx(GOLDEN["psnr"], abs=2e-3)
    assert metrics["ssim"].value == pytest.approx(GOLDEN["ssim"], abs=2e-4)
    assert metrics["consistency"].value == pytest.approx(GOLDEN["consistency"], rel=2e-3)


def test_real_portraits_give_the_published_bicubic_number(shared, tmp_path):
    """22.94 dB and a floor under 0.5e-5 for 100 real faces, measured when the set was made."""
    data = shared / "portraits128/test"
    metrics = ("psnr", "consistency")
    result = start(
        RunConfig("face8x", data=data, systems=("bicubic",), metrics=metrics, out=tmp_path)
    )
    assert round(read_record(result.folder / "bicubic.json").metrics["psnr"].value, 2) == 22.94
    assert read_record(result.folder / "hr.json").metrics["consistency"].value < 0.5e-5
