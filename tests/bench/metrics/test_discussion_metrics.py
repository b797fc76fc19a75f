"""spectrum, diversity, colour and brightness shift against cases with a known answer."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from bench.doctor.examination import CHECKS
from bench.images.pixels import make_lr, to_batch, ycbcr
from bench.metrics.diversity import diversity
from bench.metrics.protocol import ImageBatch, load_metric
from bench.metrics.spectrum import radial_power
from bench.records.record import read_images, read_record
from bench.running import runner
from bench.running.config import RunConfig
from bench.running.plan import plan


def batch(sr, hr):
    tensors = to_batch([sr]), to_batch([hr])
    return ImageBatch(("a",), *tensors, make_lr(tensors[1], 4), 4)


@pytest.fixture
def hr():
    return np.random.default_rng(0).integers(40, 200, (64, 64, 3), dtype=np.uint8)


def value(name, sr, hr):
    return load_metric(name).per_image(batch(sr, hr))[0]


@pytest.mark.parametrize("name", ["spectrum", "colour_shift", "brightness_shift"])
def test_hr_itself_has_no_shift(name, hr):
    assert value(name, hr, hr) == pytest.approx(0, abs=1e-9)


def test_brightness_shift_is_the_added_level_and_no_colour(hr):
    assert value("brightness_shift", hr + 7, hr) == pytest.approx(7, abs=1e-9)
    assert value("colour_shift", hr + 7, hr) == pytest.approx(0, abs=1e-4)


def test_a_colour_cast_is_seen_as_colour(hr):
    cast = hr.copy()
    cast[..., 2] += 10  # blue: Cb up by half of it, Cr down by 0.081 of it
    assert value("colour_shift", cast, hr) == pytest.approx(np.hypot(5, 0.81312), abs=1e-3)
    assert value("brightness_shift", cast, hr) == pytest.approx(1.14, abs=1e-6)


def test_ycbcr_is_jfif_as_in_pillow(hr):
    ours = ycbcr(to_batch([hr]).double() / 255)[0].permute(1, 2, 0).numpy() * 255
    pillow = np.asarray(Image.fromarray(hr).convert("YCbCr")).astype(float) - [0, 128, 128]
    assert np.abs(ours - pillow).max() <= 1


def test_blur_takes_power_away_and_noise_adds_it(hr):
    smooth = gaussian_filter(hr.astype(float), (1.2, 1.2, 0)).astype(np.uint8)
    unit = [to_batch([p]).double() / 255 for p in (hr, smooth)]
    high = [radial_power(u)[0, 16:].mean() for u in unit]
    assert high[1] < high[0] - 6
    assert value("spectrum", smooth, hr) > 6


def test_radial_power_finds_the_frequency_of_a_wave():
    phase = 2 * np.pi * 9 * np.arange(64) / 64
    wave = np.tile((127 + 60 * np.sin(phase))[None, :, None], (64, 1, 3)).astype(np.uint8)
    assert radial_power(to_batch([wave]).double() / 255)[0].argmax() + 1 == 9


def test_half_the_contrast_is_six_decibels_everywhere(hr):
    half = torch.full((1, 3, 64, 64), 0.5, dtype=torch.float64)
    unit = to_batch([hr]).double() / 255
    difference = radial_power(unit) - radial_power(half + (unit - 0.5) / 2)
    torch.testing.assert_close(difference, torch.full_like(difference, 20 * np.log10(2)))


def test_diversity_is_the_standard_deviation_of_the_samples():
    rng = np.random.default_rng(0)
    samples = torch.from_numpy(rng.normal(128, 6, (8, 1, 3, 64, 64)).round().astype(np.uint8))
    assert diversity(samples)[0] == pytest.approx(6, rel=0.03)
    same = samples[:1].expand(4, -1, -1, -1, -1)
    assert diversity(same)[0] == 0


NOISY = """
import torch


class Noisy:
    name, source, scale, provenance = "noisy", "test", 4, {"version": 1}

    def upscale(self, lr, generators):
        noise = [torch.randn(3, 32, 32, generator=g) for g in generators]
        return torch.stack(noise) * 8 / 127.5


def load(options):
    return Noisy()
"""


def test_a_run_measures_diversity_of_its_own_samples(images, suite, tmp_path, monkeypatch):
    path = tmp_path / "noisy.py"
    path.write_text(NOISY)
    config = RunConfig(
        suite=suite, data=images(), systems=("bicubic", str(path)), samples=3,
        metrics=("psnr", "diversity"), out=tmp_path / "runs",
    )  # fmt: skip
    result = runner.run(plan(config), say=lambda line: None)
    scores = {name: read_record(result.folder / f"{name}.json").metrics["diversity"].value
              for name in ("bicubic", "noisy")}  # fmt: skip
    assert scores["bicubic"] == 0
    assert scores["noisy"] == pytest.approx(8, rel=0.05)
    files = [result.folder / f"images/noisy/{k}p0.png" for k in ("", "sample-1/", "sample-2/")]
    pictures = torch.stack([to_batch([np.asarray(Image.open(f))]) for f in files])
    stored = read_images(result.folder, "noisy")[1]["diversity"][0]
    assert stored == pytest.approx(diversity(pictures)[0])
    monkeypatch.setattr("bench.images.outputs.run_system", lambda *_: pytest.fail("made again"))
    again = runner.run(plan(replace(config)), say=lambda line: None)
    assert read_record(again.folder / "noisy.json").metrics["diversity"].value == scores["noisy"]


def test_foreign_images_have_no_samples(images, suite, tmp_path):
    data = images()
    config = RunConfig(
        suite=suite, data=data, systems=("bicubic",), imports={"copy": data}, accept=CHECKS,
        metrics=("psnr", "diversity"), out=tmp_path / "runs",
    )  # fmt: skip
    result = runner.run(plan(config), say=lambda line: None)
    score = read_record(result.folder / "copy.json").metrics["diversity"]
    assert score.status == "unavailable: no samples of these images"
