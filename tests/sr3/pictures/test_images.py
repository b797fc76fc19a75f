"""Pictures on disk and in memory."""

import numpy as np
import pytest
import torch
from PIL import Image

from sr3.base.errors import InputError
from sr3.pictures import images


def test_all_256_values_go_round():
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    assert np.array_equal(images.to_uint8(images.from_uint8(pixels)), pixels)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(-1.0, 0), (1.0, 255), (-7.0, 0), (7.0, 255), (0.0, 128), (1 / 255, 128), (-1 / 255, 127)],
)
def test_rounding_is_half_up_and_clipped(value, wanted):
    """0.0 is level 127.5, which goes up."""
    picture = torch.full((1, 3, 1, 1), value, dtype=torch.float32)
    assert images.to_uint8(picture).ravel().tolist() == [wanted] * 3


def test_a_picture_comes_back_from_disk(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    images.write_png(tmp_path / "new" / "a.png", pixels)
    assert np.array_equal(images.read_rgb(tmp_path / "new" / "a.png"), pixels)
    assert not list((tmp_path / "new").glob(".*")), "nothing left beside it"


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "I;16", "CMYK"])
def test_what_would_need_a_silent_conversion_is_refused_by_name(tmp_path, mode):
    image = Image.new("RGB", (4, 4), "red")
    image = Image.new("I;16", (4, 4)) if mode == "I;16" else image.convert(mode)
    path = tmp_path / ("a.tiff" if mode == "CMYK" else "a.png")
    image.save(path)
    with pytest.raises(InputError, match=rf"found mode .* in .*{path.name}, wanted 8-bit RGB"):
        images.read_rgb(path)


def test_damaged_and_foreign_files_are_told_apart(tmp_path):
    images.write_png(tmp_path / "a.png", np.zeros((64, 64, 3), np.uint8))
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(InputError, match=r"damaged picture in .*cut\.png"):
        images.read_rgb(tmp_path / "cut.png")
    with pytest.raises(InputError, match=r"no picture in .*text\.png"):
        images.read_rgb(tmp_path / "text.png")


def test_a_picture_too_large_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    images.write_png(tmp_path / "a.png", np.zeros((10, 10, 3), np.uint8))
    monkeypatch.setattr(images, "MAX_PIXELS", 99)
    with pytest.raises(InputError, match=r"found 10x10 .* at most 99 pixels"):
        images.read_rgb(tmp_path / "a.png")


def test_a_folder_lists_its_pictures_by_name(tmp_path):
    for name in ("b.png", "a.JPG", "c.txt", ".hidden.png"):
        (tmp_path / name).touch()
    assert [p.name for p in images.list_images(tmp_path)] == ["a.JPG", "b.png"]


def test_empty_and_missing_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="found 0 images"):
        images.list_images(tmp_path)
    with pytest.raises(InputError, match="no readable folder"):
        images.list_images(tmp_path / "none")


def test_a_failed_write_leaves_the_old_picture(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    images.write_png(path, np.zeros((4, 4, 3), np.uint8))
    before = path.read_bytes()

    def full(self, target, **options):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="No space"):
        images.write_png(path, np.ones((4, 4, 3), np.uint8))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
