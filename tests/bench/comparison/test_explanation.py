"""`python -m bench.explain` and the conventions behind it."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from bench import explain, run
from bench.comparison.conventions import conventions, explained_metrics, mirrored
from bench.images.pixels import make_lr
from bench.metrics.protocol import ImageBatch, load_metric
from sr3.base.errors import InputError
from sr3.base.torchvision_guard import import_guarded


@pytest.fixture
def finished(images, suite, tmp_path):
    """A run of bicubic and nearest over 6 pictures."""
    hr, out = images(n=6), tmp_path / "runs"
    options = ["--suite", suite, "--data", str(hr), "--out", str(out)]
    assert run.main([*options, "--metrics", "psnr,ssim,consistency"]) == 0
    return out / "tiny"


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    hr = (torch.rand(3, 3, 64, 64, generator=generator) * 255).byte()
    hr[..., 32:], hr[..., 40:56, 40:56] = 0, 255  # where the kernel overshoots
    sr = (hr.float() + 20 * torch.randn(hr.shape, generator=generator)).clamp(0, 255).byte()
    return ImageBatch(("a", "b", "c"), sr, hr, make_lr(hr, 4), 4)


def explained(folder, tmp_path, *options):
    out = tmp_path / "explained.json"
    assert explain.main([str(folder), "--json", str(out), *options]) == 0
    return json.loads(out.read_text())


@pytest.mark.parametrize("metric", explained_metrics())
def test_the_first_convention_is_the_metric_itself(metric, batch):
    default, *others = conventions(metric)
    own = load_metric(metric).per_image(batch)
    np.testing.assert_allclose(default.per_image(batch), own, rtol=1e-12)
    for other in others:
        values = other.per_image(batch)
        assert values.shape == (3,)
        assert other.pool(values) != pytest.approx(default.pool(own), rel=1e-9), other.name


def named(metric, start):
    return next(c for c in conventions(metric) if c.name.startswith(start))


def test_uniform_ssim_is_scikit_images_default(batch):
    similarity = import_guarded("skimage.metrics").structural_similarity
    sr, hr = (x[0].permute(1, 2, 0).numpy() for x in (batch.sr, batch.hr))
    wanted = similarity(sr, hr, channel_axis=2)
    assert named("ssim", "uniform 7x7, RGB (").per_image(batch)[0] == pytest.approx(wanted)


def test_luma_psnr_is_that_of_the_variant(batch):
    wanted = load_metric("psnr_y").per_image(batch)
    np.testing.assert_allclose(named("psnr", "Y 16-235, border").per_image(batch), wanted)


def test_pillow_kernels_agree_with_pillow_on_eight_bits():
    """Away from black and white, where Pillow clips between its two passes."""
    generator = torch.Generator().manual_seed(1)
    hr, sr = (torch.rand(2, 1, 3, 64, 64, generator=generator) * 100 + 80).byte()
    batch = ImageBatch(("a",), sr, hr, make_lr(hr, 4), 4)
    values = named("consistency", "Lanczos").per_image(batch)
    picture = Image.fromarray(batch.sr[0].permute(1, 2, 0).numpy())
    small = np.asarray(picture.resize((16, 16), Image.Resampling.LANCZOS)) / 255
    error = small - batch.lr_unit[0].permute(1, 2, 0).numpy()
    assert values[0] == pytest.approx((error**2).mean(), rel=0.02)


def test_a_mirrored_border_changes_the_border_only(batch):
    small, usual = mirrored(batch), (batch.sr_unit, batch.scale)
    from sr3.pictures.resize import downsample

    gap = (small - downsample(*usual)).abs()
    assert gap[..., 3:-3, 3:-3].max() < 1e-12
    assert gap.max() > 1e-4


def test_the_convention_that_made_a_number_is_found(finished, tmp_path, capsys):
    (first,) = explained(finished, tmp_path, "--value", "nearest:psnr=1")
    by_name = {a["convention"]: a["value"] for a in first["attempts"]}
    luma = by_name["Y full range, whole image"]
    (second,) = explained(finished, tmp_path, "--value", f"nearest:psnr={luma + 20:.2f}")
    assert "none of these" in second["verdict"]
    for name, value in by_name.items():
        (again,) = explained(finished, tmp_path, "--value", f"nearest:psnr={value:.4f}")
        assert name in again["verdict"] or "nothing to explain" in again["verdict"]
    assert "slack" in capsys.readouterr().out


def test_a_published_table_is_matched_by_name(finished, tmp_path, capsys):
    claims = explained(finished, tmp_path, "--paper", "table2", "--match", "bicubic=FSRGAN")
    assert [(c["claim"]["system"], c["claim"]["metric"]) for c in claims] == [
        ("bicubic", "psnr"),
        ("bicubic", "ssim"),
        ("bicubic", "consistency"),
    ]
    assert claims[2]["claim"]["value"] == pytest.approx(33.8)
    assert "CelebA-HQ" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--paper", "table2"), "bicubic, nearest"),
        (("--paper", "table9"), "table2"),
        (("--value", "sr4:psnr=3"), "bicubic, nearest"),
        (("--value", "bicubic:fid=3"), "psnr, ssim, consistency"),
    ],
)
def test_what_cannot_be_explained_is_one_line(finished, options, words):
    with pytest.raises(InputError, match=words):
        explain.main([str(finished), *options])


@pytest.mark.parametrize("text", ["psnr=3", "bicubic:psnr", "bicubic:psnr=high"])
def test_malformed_values_are_refused(finished, text, capsys):
    with pytest.raises(SystemExit):
        explain.main([str(finished), "--value", text])
    assert "SYSTEM:METRIC=NUMBER" in capsys.readouterr().err
