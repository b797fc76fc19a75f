"""The photographs that natural4x is trained on: which, and how they are cut."""

import csv
import importlib
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr3.base.errors import InputError
from sr3.pictures.images import read_rgb

ROOT = Path(__file__).parents[2]
FREE = {
    "CC0-1.0",
    "public domain",
    "CC-BY-2.0",
    "CC-BY-4.0",
    "CC-BY-SA-3.0",
    "CC-BY-SA-4.0",
    "GPL-2+",
    "LGPL-3",
}


@pytest.fixture
def photographs(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("photographs")


def noisy(width, height, seed=0):
    """A picture with detail at every scale: white noise, but averaging halves it each time."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def wheel(folder, package, path, image):
    """A wheel with one picture in it."""
    picture = folder / Path(path).name
    image.save(picture)
    file = folder / f"{package}-1.2-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as opened:
        opened.write(picture, path)
    return file


def test_every_photograph_has_an_author_and_a_free_licence(photographs):
    catalogue = photographs.read_catalogue()
    assert len({p.stem for p in catalogue}) == len(catalogue) > 70
    assert {p.licence for p in catalogue} <= FREE
    assert all(p.author and p.package and p.release for p in catalogue)
    assert {p.use for p in catalogue} == {"train", "show"}


def test_no_photograph_that_is_shown_is_trained_on(photographs):
    catalogue = photographs.read_catalogue()
    shown = {Path(p.path).stem for p in catalogue if p.use == "show"}
    assert shown
    assert not shown & {Path(p.path).stem for p in catalogue if p.use == "train"}


def test_a_picture_named_after_its_size_takes_its_wallpapers_name(photographs):
    path = "usr/share/wallpapers/Path/contents/images/2560x1600.jpg"
    assert photographs.Photograph("train", "r", "kde", path, "a", "l").stem == "kde_Path"


def test_tiles_do_not_overlap_and_come_from_every_scale(photographs, monkeypatch):
    monkeypatch.setattr(photographs, "DETAIL_MIN", 0.0)
    # 1200x800 by a factor 1.5625 and 3.125; not by 0.78, which would enlarge
    names = [name for name, _ in photographs.tiles(noisy(1200, 800))]
    assert names == ["512_0_0", "512_0_1", "512_0_2", "512_1_0", "512_1_1", "512_1_2", "256_0_0"]


def test_a_tile_is_the_mean_of_the_pixels_it_covers(photographs, monkeypatch):
    monkeypatch.setattr(photographs, "DETAIL_MIN", 0.0)
    pixels = np.asarray(noisy(1024, 1024))
    made = dict(photographs.tiles(Image.fromarray(pixels)))
    means = pixels.reshape(512, 2, 512, 2, 3).mean(axis=(1, 3))
    # Pillow rounds after each of its two passes
    np.testing.assert_allclose(made["512_1_0"], means[256:, :256], atol=1)


def test_tiles_without_detail_are_dropped(photographs):
    y, x = np.mgrid[0:800, 0:800]
    smooth = np.stack([x / 8, y / 8, x / 8 + y / 8], axis=-1).astype(np.uint8)
    assert list(photographs.tiles(Image.fromarray(smooth))) == []
    assert len(list(photographs.tiles(noisy(800, 800)))) == 5


def test_a_package_becomes_tiles_and_a_line_of_sources(photographs, tmp_path):
    wheel(tmp_path, "some_pictures", "data/cat.png", noisy(600, 400))
    line = photographs.Photograph("show", "PyPI", "some-pictures", "data/cat.png", "A, B", "CC0")
    photographs.cut_all(tmp_path, tmp_path / "out", [line])
    assert read_rgb(tmp_path / "out/show/some-pictures_cat_256_0_0.png").shape == (256, 256, 3)
    with (tmp_path / "out/SOURCES.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["version"], row["author"], row["tiles"]) == ("1.2", "A, B", "1")
    assert row["prefix"] == "some-pictures_cat"


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not on this machine")
def test_a_debian_package_is_unpacked(photographs, tmp_path):
    control = tmp_path / "tree/DEBIAN/control"
    control.parent.mkdir(parents=True)
    control.write_text(
        "Package: wallpapers\nVersion: 4:1.0-2\nArchitecture: all\nMaintainer: a <a@b.c>\n"
        "Description: pictures\n"
    )
    noisy(8, 8).save(tmp_path / "tree/cat.png")
    deb = tmp_path / "wallpapers_4%3a1.0-2_all.deb"
    subprocess.run(["dpkg-deb", "-b", control.parents[1], deb], check=True, capture_output=True)
    assert photographs.unpack(tmp_path, "wallpapers", tmp_path / "into") == "4:1.0-2"
    assert (tmp_path / "into/cat.png").is_file()


def test_what_is_missing_is_named(photographs, tmp_path):
    line = photographs.Photograph("train", "bookworm", "cats", "cat.png", "a", "CC0")
    with pytest.raises(InputError, match=r"found 0 files of cats .* wanted 1"):
        photographs.cut_all(tmp_path, tmp_path / "out", [line])
    wheel(tmp_path, "cats", "dog.png", noisy(8, 8))
    with pytest.raises(InputError, match=r"found no cat\.png in cats"):
        photographs.cut_all(tmp_path, tmp_path / "out", [line])
    assert not (tmp_path / "out" / "SOURCES.csv").exists()
