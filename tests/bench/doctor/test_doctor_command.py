"""`python -m bench.check`: verdicts, JSON, pictures, exit codes, acceptance, cache."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from bench import check
from bench.doctor import examination
from bench.doctor.examination import CHECKS, Finding, Report, check_folder
from bench.doctor.facts import fit_warp, look
from bench.doctor.tone import fit_tone
from bench.images.hr import open_set
from bench.images.pixels import make_lr
from bench.suites.protocol import load_suite
from sr3.base.errors import InputError
from sr3.pictures.resize import downsample, upsample

CLEAN, WARNINGS, REFUSED = 0, 1, 3


@pytest.fixture
def hr(images):
    return images("hr", n=6)


@pytest.fixture
def sr(hr, tmp_path):
    """Outputs half way between bicubic and HR, of the tiny suite (32x32 from 8x8)."""
    folder = tmp_path / "sr"
    folder.mkdir()
    for path in hr.iterdir():
        with Image.open(path) as picture:
            low = picture.resize((8, 8), Image.Resampling.BICUBIC)
            up = low.resize((32, 32), Image.Resampling.BICUBIC)
            Image.blend(up, picture, 0.5).save(folder / path.name)
    return folder


@pytest.fixture
def spoilt(sr):
    """One picture is missing and another has alpha."""
    (sr / "p0.png").unlink()
    with Image.open(sr / "p1.png") as picture:
        rgba = picture.convert("RGBA")
    rgba.save(sr / "p1.png")
    return sr


def run(folder, suite, hr, *options):
    return check.main([str(folder), "--suite", suite, "--data", str(hr), *map(str, options)])


def test_a_clean_folder_leaves_with_zero(sr, suite, hr, capsys):
    assert run(sr, suite, hr) == CLEAN
    printed = capsys.readouterr().out
    assert all(name in printed for name in CHECKS)
    assert "error" not in printed


def test_errors_leave_with_three_and_name_the_offenders(spoilt, suite, hr, capsys):
    assert run(spoilt, suite, hr) == REFUSED
    printed = capsys.readouterr().out
    assert "1 missing" in printed
    assert "p1.png" in printed


def test_warnings_leave_with_one(sr, suite, hr):
    (sr / "notes.png").write_bytes((sr / "p0.png").read_bytes())
    assert run(sr, suite, hr) == WARNINGS


def test_accepted_findings_are_kept_in_the_report(spoilt, suite, hr, tmp_path):
    out = tmp_path / "report.json"
    assert run(spoilt, suite, hr, "--accept", "pairing,mode", "--json", out) == CLEAN
    report = json.loads(out.read_text())
    accepted = {f["check"] for f in report["findings"] if f["severity"] == "accepted"}
    assert accepted == {"pairing", "mode"}
    assert report["severity"] == "accepted"


def test_json_alone_on_stdout(spoilt, suite, hr, capsys):
    assert run(spoilt, suite, hr, "--json", "-") == REFUSED
    report = json.loads(capsys.readouterr().out)
    assert [f["check"] for f in report["findings"]] == list(CHECKS)
    assert Report.from_json(report).exit_code == REFUSED


def test_pictures_show_the_offenders(spoilt, suite, hr, tmp_path):
    run(spoilt, suite, hr, "--pictures", tmp_path / "out")
    with Image.open(tmp_path / "out" / "mode.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape[1] == 6 + 4 * 198
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100
    assert (tmp_path / "out" / "pairing.png").is_file()


def test_unknown_check_lists_the_known(sr, suite, hr):
    with pytest.raises(InputError, match="pairing, decode"):
        run(sr, suite, hr, "--accept", "colours")


@pytest.mark.parametrize("folder", ["absent", "empty"])
def test_a_folder_without_pictures_is_one_line(folder, suite, hr, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="found"):
        run(tmp_path / folder, suite, hr)


def test_pictures_of_the_wrong_size_skip_what_needs_pixels(hr, suite, images, capsys):
    assert run(images("small", n=6, size=16), suite, hr) == REFUSED
    printed = capsys.readouterr().out
    assert "6 of 16x16, wanted 32x32" in printed
    assert "skipped  shift" in printed


def test_one_picture_is_enough(sr, suite, hr):
    assert run(sr, suite, hr, "--limit", "1") == CLEAN  # the other five belong to HR images too


def test_a_second_check_reads_the_report(sr, suite, hr, tmp_path, monkeypatch):
    named = load_suite(suite)
    images = open_set(named, hr)
    first = check_folder(sr, named, images, cache=tmp_path / "cache")
    monkeypatch.setattr(examination, "_check", lambda *_: pytest.fail("checked again"))
    assert check_folder(sr, named, images, cache=tmp_path / "cache") == first
    monkeypatch.undo()
    (sr / "p3.png").write_bytes((sr / "p2.png").read_bytes())
    again = check_folder(sr, named, images, cache=tmp_path / "cache")
    assert any(f.check == "twins" and f.severity == "error" for f in again.findings)


def test_acceptance_is_not_cached(spoilt, suite, hr, tmp_path):
    named = load_suite(suite)
    images = open_set(named, hr)
    accept = frozenset({"pairing", "mode"})
    taken = check_folder(spoilt, named, images, accept, cache=tmp_path / "cache")
    refused = check_folder(spoilt, named, images, cache=tmp_path / "cache")
    assert (taken.severity, refused.severity) == ("accepted", "error")


def test_report_orders_severities():
    findings = tuple(Finding("tone", s, "") for s in ("ok", "warning", "skipped"))
    report = Report("f", "s", 1, findings)
    assert (report.severity, report.exit_code) == ("warning", WARNINGS)


@pytest.mark.parametrize(("right", "down"), [(0.25, 0.0), (-0.5, 0.3), (0.0, 1.0)])
def test_displacement_is_measured_to_a_tenth_of_a_pixel(right, down):
    """Against a displacement made in the frequency domain, exact for periodic pictures."""
    generator = torch.Generator().manual_seed(0)
    hr = upsample(torch.rand(4, 3, 20, 20, generator=generator, dtype=torch.float64), 8)[
        ..., :96, :96
    ]
    rows, columns = torch.fft.fftfreq(96)[:, None], torch.fft.fftfreq(96)
    phase = torch.exp(-2j * torch.pi * (columns * right + rows * down))
    moved = torch.fft.ifft2(torch.fft.fft2(hr) * phase).real
    inner = (slice(None), slice(None), slice(8, 88), slice(8, 88))
    found = fit_warp(downsample(moved[inner], 4), downsample(hr[inner], 4)) * 4
    np.testing.assert_allclose(found[:, 0], right, atol=0.1)
    np.testing.assert_allclose(found[:, 1], down, atol=0.1)


def test_colour_does_not_pass_for_motion():
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(3, 3, 16, 16, generator=generator, dtype=torch.float64)
    shift = fit_warp(0.8 * x + 0.1 * torch.tensor([1.0, 0, -1])[:, None, None], x)
    assert shift.abs().max() < 0.02


def test_tone_of_a_known_line():
    levels = np.arange(256) / 255
    counts = np.ones((3, 256))
    line = np.array([1.1, 1.0, 0.9])[:, None] * levels + np.array([0, 0.02, 0.05])[:, None]
    tone = fit_tone(np.stack([line, line**2, counts]))
    np.testing.assert_allclose(tone.gain, [1.1, 1.0, 0.9])
    np.testing.assert_allclose(tone.offset, [0, 0.02, 0.05], atol=1e-12)
    assert tone.explained == pytest.approx(1)
    assert not tone.gamma_fits


def test_facts_of_pictures_that_are_not_square():
    generator = torch.Generator().manual_seed(2)
    hr = (torch.rand(2, 3, 32, 48, generator=generator) * 255).byte()
    facts = look(hr, hr, make_lr(hr, 4), 4)
    assert np.isinf(facts.flips[:, 1]).all()
    assert facts.flips[:, 0] == pytest.approx(facts.lr_mse)
    assert np.isinf(facts.to_hr).all()


def test_real_outputs_pass_with_the_displacement_they_have(shared, tmp_path):
    """Real-ESRGAN by ncnn lies 0.15 px up and left, as its LR domain shows."""
    named = load_suite("natural4x")
    images = open_set(named, shared / "imagenet256" / "test", limit=24)
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    for item in images.items:
        source = shared / "outputs" / "realesrgan-x4plus" / f"{item.stem}.png"
        (outputs / source.name).symlink_to(source)
    report = check_folder(outputs, named, images)
    assert {f.check for f in report.of("warning")} == {"shift"}
    assert not report.of("error")
