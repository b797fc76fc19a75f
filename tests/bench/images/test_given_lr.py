"""Given LR: paired by name, checked, and its operator named from the pixels."""

import io

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from bench.images.given_lr import paired_with, with_given_lr
from bench.images.hr import open_set
from bench.images.lowres import LowRes
from bench.images.pixels import LR_ID, to_batch
from bench.suites.protocol import NamedSuite, Suite, load_suite
from sr3.base.errors import InputError
from sr3.pictures.operators import KNOWN

SUITE = Suite("any", 1, 4, None, ("bicubic",), ("psnr",), "noise", None, None)
NAMED = NamedSuite("any4x", SUITE)


def texture(seed, size=(96, 80)):
    """(H, W, 3) uint8: coarse blotches under noise, so that kernels and borders tell."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
    large = np.asarray(coarse.resize(size[::-1], Image.Resampling.BICUBIC)).astype(int)
    return np.clip(large + rng.integers(-25, 25, large.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def folders(tmp_path):
    """A function that writes HR and LR made of it; it gives the HR set and the LR folder."""

    def fill(shrink, count=3, name="{}"):
        for folder in ("hr", "lr"):
            (tmp_path / folder).mkdir(exist_ok=True)
        for i in range(count):
            hr = texture(i, (96 + 4 * i, 80))
            Image.fromarray(hr).save(tmp_path / "hr" / f"p{i}.png")
            shrink(hr).save(tmp_path / "lr" / f"{name.format(f'p{i}')}.png")
        return open_set(NAMED, tmp_path / "hr"), tmp_path / "lr"

    return fill


def by_operator(name):
    def shrink(hr):
        small = KNOWN[name].eight_bit(to_batch([hr]), 4)[0].permute(1, 2, 0)
        return Image.fromarray(small.numpy())

    return shrink


def by_pillow(name):
    return lambda hr: Image.fromarray(hr).resize(
        (hr.shape[1] // 4, hr.shape[0] // 4), Image.Resampling[name]
    )


def by_torch(hr, mode):
    corners = {} if mode == "area" else {"align_corners": False}
    small = F.interpolate(to_batch([hr]).float(), scale_factor=0.25, mode=mode, **corners)
    return Image.fromarray(small.round().clamp(0, 255).byte()[0].permute(1, 2, 0).numpy())


def by_opencv(kind):
    import cv2

    size = lambda hr: (hr.shape[1] // 4, hr.shape[0] // 4)  # noqa: E731
    return lambda hr: Image.fromarray(cv2.resize(hr, size(hr), interpolation=getattr(cv2, kind)))


@pytest.mark.parametrize("name", list(KNOWN))
def test_every_known_operator_is_named(name, folders):
    found = with_given_lr(*folders(by_operator(name)), NAMED).lr
    assert found.made_by == name
    assert found.recognition.rms == 0
    assert found.recognition.equal == 1
    assert name in found.words


@pytest.mark.parametrize(
    ("shrink", "name"),
    [
        (by_pillow("BICUBIC"), "bicubic"),
        (by_pillow("BOX"), "box"),
        (by_pillow("BILINEAR"), "bilinear"),
        (by_pillow("LANCZOS"), "lanczos"),
        (by_pillow("NEAREST"), "nearest"),
        (lambda hr: by_torch(hr, "bicubic"), "opencv-cubic"),
        (lambda hr: by_torch(hr, "bilinear"), "opencv-linear"),
        (lambda hr: by_torch(hr, "area"), "box"),
        (lambda hr: Image.fromarray(hr[::4, ::4]), "nearest-first"),
        (by_opencv("INTER_AREA"), "box"),
        (by_opencv("INTER_CUBIC"), "opencv-cubic"),
        (by_opencv("INTER_LINEAR"), "opencv-linear"),
        (by_opencv("INTER_LANCZOS4"), "opencv-lanczos"),
        (by_opencv("INTER_NEAREST"), "nearest-first"),
    ],
)
def test_other_programs_are_named_by_their_operator(shrink, name, folders):
    found = with_given_lr(*folders(shrink), NAMED).lr
    assert found.made_by == name
    assert found.problem is None
    assert found.record()["lr"]["operator"] == name


def compressed(hr):
    buffer = io.BytesIO()
    by_operator("bicubic")(hr).save(buffer, "JPEG", quality=80)
    return Image.open(buffer)


def blurred(hr):
    kernel = torch.ones(3, 1, 9, 9) / 81
    soft = F.conv2d(F.pad(to_batch([hr]).float(), (4, 4, 4, 4), "reflect"), kernel, groups=3)
    return Image.fromarray(soft[0, :, ::4, ::4].round().byte().permute(1, 2, 0).numpy())


@pytest.mark.parametrize("shrink", [compressed, blurred])
def test_what_none_of_them_made_is_said_to_be_so(shrink, folders):
    found = with_given_lr(*folders(shrink), NAMED).lr
    assert found.made_by is None
    assert "made by none of the known operators: the nearest, " in found.problem
    assert found.record()["lr"]["operator"] is None


def test_one_odd_picture_is_named(folders):
    count = iter(range(9))
    odd = lambda hr: by_operator("bicubic" if next(count) else "nearest")(hr)  # noqa: E731
    found = with_given_lr(*folders(odd, count=9), NAMED).lr
    assert found.made_by is None
    assert "levels off" in found.problem


def test_flat_pictures_fit_several_operators_and_all_are_named(tmp_path):
    for folder, size in (("hr", (80, 80)), ("lr", (20, 20))):
        (tmp_path / folder).mkdir()
        Image.new("RGB", size, "gray").save(tmp_path / folder / "a.png")
    found = with_given_lr(open_set(NAMED, tmp_path / "hr"), tmp_path / "lr", NAMED).lr
    assert found.made_by == "bicubic"
    assert set(found.recognition.also) == set(KNOWN) - {"bicubic"}


@pytest.mark.parametrize("name", ["{}", "{}x4", "{}_LR", "small-{}"])
def test_names_may_carry_one_addition(name, folders):
    images = with_given_lr(*folders(by_operator("bicubic"), name=name), NAMED)
    assert [item.lr.path.stem for item in images.items] == [name.format(f"p{i}") for i in range(3)]


def test_hr_in_a_name_stands_for_lr(tmp_path):
    for i in range(2):
        Image.new("RGB", (8, 8)).save(tmp_path / f"img_{i}_SRF_4_LR.png")
    stems = [f"img_{i}_SRF_4_HR" for i in range(2)]
    assert [p.stem for p in paired_with(stems, tmp_path).values()] == [
        f"img_{i}_SRF_4_LR" for i in range(2)
    ]


def test_missing_files_wrong_sizes_and_kinds_are_refused(folders, tmp_path):
    images, lr = folders(by_operator("bicubic"))
    Image.new("L", (20, 24)).save(lr / "p0.png")
    with pytest.raises(InputError, match=r"found a gray LR at .*p0.png, its HR p0.png has colour"):
        with_given_lr(images, lr, NAMED)
    Image.new("RGB", (40, 48)).save(lr / "p0.png")
    with pytest.raises(InputError, match=r"found 40x48 .*, which is 1/2 of its HR, .* wants 20x24"):
        with_given_lr(images, lr, NAMED)
    (lr / "p0.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="found no picture in"):
        with_given_lr(images, lr, NAMED)
    (lr / "p0.png").unlink()
    with pytest.raises(InputError, match=r"found 2 of 3 LR files by stem in .*: missing p0"):
        with_given_lr(images, lr, NAMED)
    with pytest.raises(InputError, match="found no readable folder"):
        with_given_lr(images, tmp_path / "none", NAMED)


def test_cache_keys_follow_content_and_operator_and_stay_for_lr_that_is_made(folders):
    made, lr = folders(by_operator("box"))
    assert {item.lr_key for item in made.items} == {LR_ID}
    assert (made.lr.id, made.lr.record()) == (LR_ID, {})
    first = with_given_lr(made, lr, NAMED)
    keys = {item.lr_key for item in first.items}
    assert len(keys) == 3
    assert all("box" in key for key in keys)
    second = with_given_lr(*folders(by_operator("lanczos")), NAMED)
    assert keys.isdisjoint(item.lr_key for item in second.items)
    assert first.lr.sha256 != second.lr.sha256
    matlab = LowRes("matlab-bicubic")
    assert matlab.key(None) != LR_ID
    assert matlab.record() == {"lr": {"operator": "matlab-bicubic"}}


def test_pictures_of_any_size_are_cut_and_gray_ones_are_noted(tmp_path):
    Image.fromarray(texture(0, (83, 70))).save(tmp_path / "a.png")
    Image.fromarray(texture(1)).convert("L").save(tmp_path / "b.png")
    images = open_set(NAMED, tmp_path)
    assert [item.size for item in images.items] == [(80, 68), (96, 80)]
    assert images.gray == ("b",)
    assert images.sizes == "2 sizes, 68x80 to 80x96"
    Image.new("RGB", (63, 64)).save(tmp_path / "c.png")
    with pytest.raises(InputError, match=r"found 63x64 pixels in .*, suite any4x wants sides"):
        open_set(NAMED, tmp_path)
    with pytest.raises(InputError, match="wants 128x128"):
        open_set(load_suite("face8x"), tmp_path)
