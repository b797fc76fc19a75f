"""The named resize operators against the programs they are named after, and against plain loops."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from sr3.pictures.operators import BICUBIC, KNOWN, MATLAB, PASSES

BESIDE = Path(__file__).parents[4] / "shared"
CLASSIC = Path(os.environ.get("BENCH_SHARED", BESIDE)) / "data" / "classic"
SCALES = (2, 3, 4)


def picture(seed=0, size=(48, 60)):
    """(H, W, 3) uint8, blotches and noise: every frequency is there."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 7, 3), np.uint8)
    large = np.asarray(Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC))
    return np.clip(large.astype(int) + rng.integers(-30, 30, large.shape), 0, 255).astype(np.uint8)


def tensor(pixels):
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]


def array(lr):
    return lr[0].permute(1, 2, 0).numpy()


def keys(x):
    """Keys' cubic with a = -0.5, as it stands in his paper."""
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def shrunk_by_loops(line, scale, beyond):
    """One line of pixels, output by output and tap by tap; `beyond` maps a place into the line."""
    out = []
    for i in range(len(line) // scale):
        centre = (i + 0.5) * scale - 0.5
        total = weight = 0.0
        for j in range(int(centre - 2 * scale) - 2, int(centre + 2 * scale) + 3):
            w = keys((centre - j) / scale)
            total += w * line[beyond(j, len(line))]
            weight += w
        out.append(total / weight)
    return np.array(out)


def mirrored(j, size):
    while not 0 <= j < size:
        j = -1 - j if j < 0 else 2 * size - 1 - j
    return j


def repeated(j, size):
    return min(max(j, 0), size - 1)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    ("name", "beyond"), [("matlab-bicubic", mirrored), ("matlab-bicubic-repeated", repeated)]
)
def test_matlab_s_bicubic_equals_plain_loops_rounded_after_each_pass(name, beyond, scale):
    pixels = picture(scale)
    levels = lambda values: np.floor(np.clip(values, 0, 255) + 0.5)  # noqa: E731
    by_rows = levels(np.apply_along_axis(shrunk_by_loops, 0, pixels.astype(float), scale, beyond))
    wanted = levels(np.apply_along_axis(shrunk_by_loops, 1, by_rows, scale, beyond))
    assert np.array_equal(array(KNOWN[name].eight_bit(tensor(pixels), scale)), wanted)


@pytest.mark.skipif(not CLASSIC.is_dir(), reason=f"no files made by MATLAB at {CLASSIC}")
@pytest.mark.parametrize("folder", ["set5/x2", "set5/x3", "set5/x4", "set14/x4"])
def test_files_that_matlab_made_are_met_bit_by_bit(folder):
    scale = int(folder[-1])
    for path in sorted((CLASSIC / folder / "HR").glob("*.png")):
        with Image.open(path) as opened:
            hr = np.asarray(opened.convert("RGB"))
        with Image.open(CLASSIC / folder / "LR" / path.name) as opened:
            lr = np.asarray(opened.convert("RGB"))
        hr = hr[: lr.shape[0] * scale, : lr.shape[1] * scale]
        made = KNOWN["matlab-bicubic-repeated"].eight_bit(tensor(hr), scale)
        assert np.array_equal(array(made), lr), path.name
        inside = array(MATLAB.eight_bit(tensor(hr), scale))[4:-4, 4:-4]
        assert np.array_equal(inside, lr[4:-4, 4:-4]), "borders are all that differs"


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", ["bicubic", "box", "bilinear", "lanczos", "nearest"])
def test_pillow_s_filters_are_met_to_a_level_in_a_thousand(name, scale):
    pixels = picture(scale + 10)
    size = (pixels.shape[1] // scale, pixels.shape[0] // scale)
    by_pillow = Image.fromarray(pixels).resize(size, Image.Resampling[name.upper()])
    made = array(KNOWN[name].eight_bit(tensor(pixels), scale, "columns first")).astype(int)
    difference = np.abs(made - np.asarray(by_pillow))
    assert difference.max() <= 1
    limit = 0.2 if name == "box" else 0.002  # halves, where Pillow's own fixed point decides
    assert (difference > 0).mean() < limit


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    ("name", "mode"),
    [("opencv-cubic", "bicubic"), ("opencv-linear", "bilinear"), ("nearest-first", "nearest")],
)
def test_filters_without_antialiasing_are_pytorch_s(name, mode, scale):
    images = tensor(picture(scale)).double()
    corners = {} if mode == "nearest" else {"align_corners": False}
    size = [side // scale for side in images.shape[-2:]]
    theirs = F.interpolate(images, size=size, mode=mode, **corners)
    assert torch.allclose(KNOWN[name].down(images, scale), theirs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("scale", SCALES)
def test_box_is_the_mean_of_blocks_and_our_own_matrix_is_our_own_resize(scale):
    images = tensor(picture()).double()
    assert torch.allclose(KNOWN["box"].down(images, scale), F.avg_pool2d(images, scale))
    y, x = (BICUBIC.matrix(side, side // scale) for side in images.shape[-2:])
    assert torch.allclose(y @ images @ x.mT, BICUBIC.down(images, scale), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", list(KNOWN))
def test_flat_pictures_stay_flat_whatever_the_factor(name):
    operator = KNOWN[name]
    for scale in SCALES:
        flat = torch.full((1, 3, 24, 36), 200, dtype=torch.uint8)
        assert (operator.eight_bit(flat, scale) == 200).all()
        assert torch.allclose(operator.up(flat.double(), scale), torch.tensor(200.0).double())
        once = operator.eight_bit(tensor(picture()), scale, "once").float()
        for rounding in PASSES:  # which also clips between the passes
            made = operator.eight_bit(tensor(picture()), scale, rounding).float()
            assert (made - once).abs().mean() < 0.7


def test_sides_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="wanted sides divisible by scale 4"):
        MATLAB.down(torch.zeros(1, 3, 10, 8), 4)


def test_ids_differ_and_ours_is_the_one_that_records_know():
    assert len({operator.id for operator in KNOWN.values()}) == len(KNOWN)
    assert BICUBIC.id == "bicubic-antialias-a0.5-halfpixel-edgenorm"
