"""The one resize operator, against Pillow's."""

import numpy as np
import pytest
import torch
from PIL import Image

from sr3.base.rng import generator_of
from sr3.pictures.resize import area_resize, area_weights, downsample, resize, upsample


def pillow(channel: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pillow's bicubic of one float channel; size is (height, width)."""
    image = Image.fromarray(channel.astype(np.float32), "F")
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BICUBIC))


def picture(height: int, width: int) -> torch.Tensor:
    return torch.rand(1, 1, height, width, generator=generator_of("picture", height, width))


@pytest.mark.parametrize(
    ("shape", "size"),
    [((128, 128), (16, 16)), ((16, 16), (128, 128)), ((48, 64), (12, 16)), ((5, 7), (15, 21))],
)
def test_pillow_agrees(shape, size):
    x = picture(*shape)
    ours = resize(x.double(), size)[0, 0].numpy()
    assert np.allclose(ours, pillow(x[0, 0].numpy(), size), atol=2e-5)


def test_a_golden_row():
    """Keys' kernel with a = -0.5 at a step edge, antialiased by 2, weights by hand.

    Output pixel 1 is centred at input coordinate 3 (pixel edges at whole numbers); input pixels
    0..7 have their centres at distances 2.5, 1.5, .5, .5, 1.5, ... which the kernel, stretched by
    2, weighs by k(1.25), k(.75), k(.25), k(.25), k(.75), k(1.25), k(1.75).
    """

    def k(x: float) -> float:
        x = abs(x)
        if x < 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0

    row = torch.tensor([0.0, 0, 0, 1, 1, 1, 1, 1], dtype=torch.float64)
    weights = [k((i + 0.5 - 3) / 2) for i in range(8)]
    wanted = sum(w * float(v) for w, v in zip(weights, row, strict=True)) / sum(weights)
    out = resize(row.view(1, 1, 1, 8), (1, 4))[0, 0, 0]
    assert float(out[1]) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_a_constant_stays_itself_and_overshoot_is_kept(scale):
    flat = torch.full((1, 3, 6, 6), 0.37, dtype=torch.float64)
    assert torch.allclose(upsample(flat, scale), upsample(flat, scale).clamp(0.37, 0.37))
    edge = torch.zeros(1, 1, 8, 8).double()
    edge[..., 4:] = 1
    assert float(upsample(edge, scale).max()) > 1


def test_downsampling_undoes_upsampling_nearly():
    lr = upsample(picture(4, 4), 4)
    assert float((downsample(upsample(lr, 8), 8) - lr).abs().max()) < 0.05


def test_half_precision_goes_through_float32():
    x = picture(32, 32)
    out = downsample(x.bfloat16(), 4)
    assert out.dtype == torch.bfloat16
    assert torch.equal(out, downsample(x.bfloat16().float(), 4).bfloat16())


def test_sides_that_the_scale_does_not_divide_are_refused():
    with pytest.raises(ValueError, match="found 30x32, wanted sides divisible by scale 8"):
        downsample(torch.zeros(1, 3, 30, 32), 8)


@pytest.mark.parametrize(("size_in", "size_out"), [(8, 4), (7, 3), (375, 256), (500, 256)])
def test_area_weights_average_what_they_cover(size_in, size_out):
    """Against a brute force that cuts every input pixel into size_out pieces."""
    fine = np.eye(size_in).repeat(size_out, axis=0)
    brute = fine.reshape(size_out, size_in, size_in).mean(axis=1)
    np.testing.assert_allclose(area_weights(size_in, size_out), brute, atol=1e-12)


def test_area_resize_by_a_whole_factor_is_the_block_mean():
    pixels = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    blocks = pixels.reshape(16, 2, 24, 2, 3).mean(axis=(1, 3))
    np.testing.assert_array_equal(area_resize(pixels, (16, 24)), np.floor(blocks + 0.5))
