"""psnr, ssim and consistency against independent references and golden numbers."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from bench.extractors.protocol import fixed_batches
from bench.images.pixels import luma, make_lr, to_batch
from bench.metrics.consistency import KERNEL_MISMATCH
from bench.metrics.protocol import ImageBatch, load_metric


def batch_of(pairs, scale=4):
    sr = to_batch([pair[0] for pair in pairs])
    hr = to_batch([pair[1] for pair in pairs])
    return ImageBatch(tuple(map(str, range(len(pairs)))), sr, hr, make_lr(hr, scale), scale)


@pytest.fixture
def pairs():
    """Noisy pictures of three kinds beside their originals, 48x40."""
    rng = np.random.default_rng(0)
    hr = [rng.integers(0, 256, (48, 40, 3), dtype=np.uint8) for _ in range(2)]
    hr.append(np.full((48, 40, 3), 7, np.uint8))
    sr = [np.clip(p.astype(int) + rng.normal(0, 12, p.shape), 0, 255).astype(np.uint8) for p in hr]
    return list(zip(sr, hr, strict=True))


def test_psnr_equals_scikit_image(pairs):
    ours = load_metric("psnr").per_image(batch_of(pairs))
    theirs = [peak_signal_noise_ratio(hr, sr, data_range=255) for sr, hr in pairs]
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_psnr_of_a_constant_error_is_the_closed_form():
    hr = np.full((16, 16, 3), 100, np.uint8)
    ours = load_metric("psnr").per_image(batch_of([(hr + 5, hr)]))
    assert ours[0] == pytest.approx(20 * math.log10(255 / 5), abs=1e-12)


def test_psnr_of_identical_images_is_infinite(pairs):
    same = [(hr, hr) for _, hr in pairs]
    assert np.isposinf(load_metric("psnr").per_image(batch_of(same))).all()


def test_ssim_equals_scikit_image_with_the_four_arguments(pairs):
    ours = load_metric("ssim").per_image(batch_of(pairs))
    theirs = [
        structural_similarity(
            sr, hr, channel_axis=2, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False, data_range=255,
        )
        for sr, hr in pairs
    ]  # fmt: skip
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_ssim_is_not_scikit_images_default_window(pairs):
    ours = load_metric("ssim").per_image(batch_of(pairs))
    other = [structural_similarity(sr, hr, channel_axis=2, data_range=255) for sr, hr in pairs]
    assert np.abs(ours - other).max() > 1e-4


@pytest.mark.parametrize("side", [11, 12, 32, 42, 43, 75])
def test_ssim_filters_every_width_like_a_plain_convolution(side):
    from bench.metrics.ssim import blur, gaussian

    maps = torch.rand(2, side, side + 3, dtype=torch.float64, generator=torch.manual_seed(side))
    kernel = torch.outer(gaussian(maps.device), gaussian(maps.device))[None, None]
    plain = torch.nn.functional.conv2d(maps[:, None], kernel)[:, 0]
    torch.testing.assert_close(blur(maps), plain, rtol=0, atol=1e-13)


def test_luma_is_bt601_as_in_scikit_image(pairs):
    ours = luma(batch_of(pairs).hr_unit)[:, 0].numpy() * 255
    theirs = np.stack([rgb2ycbcr(hr)[..., 0] for _, hr in pairs])
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_psnr_y_crops_the_scale(pairs):
    ours = load_metric("psnr_y").per_image(batch_of(pairs, scale=4))
    theirs = []
    for sr, hr in pairs:
        a, b = (rgb2ycbcr(p)[4:-4, 4:-4, 0] for p in (sr, hr))
        theirs.append(10 * math.log10(255**2 / ((a - b) ** 2).mean()))
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_pooled_psnr_averages_errors_before_the_logarithm(pairs):
    metric = load_metric("psnr_pooled")
    mse = [((sr.astype(float) - hr) ** 2).mean() / 255**2 for sr, hr in pairs]
    interval = metric.interval(metric.per_image(batch_of(pairs)))
    assert interval.value == pytest.approx(-10 * math.log10(np.mean(mse)), abs=1e-9)
    assert interval.low <= interval.value <= interval.high


def test_consistency_against_pillow_in_float(pairs):
    ours = load_metric("consistency").per_image(batch_of(pairs))
    for value, (sr, hr) in zip(ours, pairs, strict=True):
        small = [
            np.asarray(Image.fromarray(plane).resize((10, 12), Image.Resampling.BICUBIC))
            for plane in np.moveaxis(sr.astype(np.float32), 2, 0)
        ]
        lr = make_lr(to_batch([hr]), 4)[0].numpy().astype(float)
        clipped = np.stack(small).clip(0, 255)
        assert value == pytest.approx((((clipped - lr) / 255) ** 2).mean(), rel=1e-4)


def test_lr_is_pillows_up_to_one_level(pairs):
    for _, hr in pairs:
        ours = make_lr(to_batch([hr]), 4)[0].permute(1, 2, 0).numpy().astype(int)
        pillow = np.asarray(Image.fromarray(hr).resize((10, 12), Image.Resampling.BICUBIC))
        assert np.abs(ours - pillow.astype(int)).max() <= 1


def test_ground_truth_lies_under_the_kernel_floor_and_a_box_kernel_does_not(pairs):
    hr = to_batch([pair[1] for pair in pairs[:2]])
    metric = load_metric("consistency")
    own = metric.per_image(batch_of([(p[1], p[1]) for p in pairs[:2]]))
    assert own.max() < KERNEL_MISMATCH
    box = torch.nn.functional.avg_pool2d(hr.double(), 4).round().to(torch.uint8)
    foreign = ImageBatch(("a", "b"), hr, hr, box, 4)
    assert metric.per_image(foreign).min() > KERNEL_MISMATCH


def test_lr_psnr_is_the_consistency_in_decibels(pairs):
    batch = batch_of(pairs)
    mse = load_metric("consistency").per_image(batch)
    np.testing.assert_allclose(load_metric("lr_psnr").per_image(batch), -10 * np.log10(mse))


@pytest.mark.parametrize("name", ["psnr", "ssim", "consistency"])
def test_values_do_not_depend_on_the_batch(name, pairs):
    metric = load_metric(name)
    together = metric.per_image(batch_of(pairs))
    alone = np.concatenate([metric.per_image(batch_of([pair])) for pair in pairs])
    np.testing.assert_array_equal(together, alone)


def test_large_pictures_go_forward_in_smaller_batches_by_their_size_alone():
    sizes = {}
    for side in (256, 512, 600, 1500):
        batch = torch.zeros(3, 1, side, side, dtype=torch.uint8)
        sizes[side] = {len(filled) for _, (filled,) in fixed_batches("cpu", batch)}
    assert sizes == {256: {8}, 512: {8}, 600: {5}, 1500: {1}}
