"""Portraits are cut alike however their source lies, refused with a reason, and proven by hash."""

import csv
import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr3.base.errors import InputError
from sr3.base.files import sha256_of_file
from sr3.pictures.images import read_rgb, write_png

ROOT = Path(__file__).parents[2]
SIZE = 600


@pytest.fixture
def portraits(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("portraits")


def face(angle=0.0, scale=1.0, right=0.0, down=0.0):
    """A smooth picture, drawn in the face's own coordinates, and its 68 landmarks."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([SIZE / 2 + right, SIZE / 2 + down])
    rows, columns = np.mgrid[:SIZE, :SIZE]
    own = (np.stack([columns, rows], -1) - centre) @ turn / scale / 100
    waves = np.stack([np.sin(3 * own[..., 0]), np.cos(4 * own[..., 1]), np.sin(own.sum(-1))], -1)
    points = np.zeros((68, 2))
    points[36:42], points[42:48] = (-40, -30), (40, -30)
    points[48], points[54] = (-25, 45), (25, 45)
    return (127 + 100 * waves).round().astype(np.uint8), points @ turn.T * scale + centre


def test_the_square_is_ffhqs(portraits):
    """Eyes 80 apart, 75 above the mouth: the side is twice the larger of 160 and 135."""
    _, points = face()
    corners = portraits.corners_of(points)
    middle = (SIZE / 2, SIZE / 2 - 30 + 7.5)
    np.testing.assert_allclose(corners.mean(0), middle)
    np.testing.assert_allclose(
        corners - middle, [(-160, -160), (-160, 160), (160, 160), (160, -160)]
    )


@pytest.mark.parametrize(
    "way", [{"angle": 0.2}, {"angle": -0.1, "right": 31.5}, {"scale": 0.7}, {"down": -12.25}]
)
def test_a_source_that_lies_otherwise_gives_the_same_cut(portraits, way):
    first, second = (
        portraits.cut(pixels, portraits.corners_of(points))
        for pixels, points in (face(), face(**way))
    )
    assert first.shape == (128, 128, 3)
    assert np.abs(first.astype(int) - second).mean() < 0.6


def test_what_will_not_do_is_refused_with_a_reason(portraits):
    pixels, points = face()
    for corners, reason in (
        (portraits.corners_of(points * 0.3), "96 pixels wide"),
        (portraits.corners_of(points) - 250, "outside"),
    ):
        with pytest.raises(InputError, match=reason):
            portraits.cut(pixels, corners)
    gray = np.repeat(pixels[..., :1], 3, axis=2)
    for source, faces, reason in (
        (pixels[:169], [points], "side of 169"),
        (gray, [points], "scan in gray"),
        (pixels, [], "found 0 faces"),
        (pixels, [points, points], "found 2 faces"),
    ):
        with pytest.raises(InputError, match=reason):
            portraits.find_corners(source, lambda _, faces=faces: faces)


@pytest.fixture
def people(portraits, tmp_path, monkeypatch):
    """Two listed people, of whom one has a picture in the second folder alone."""
    pixels, points = face()
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    Image.fromarray(pixels[:100]).save(tmp_path / "old" / "A000001.jpg")
    Image.fromarray(pixels).save(tmp_path / "new" / "A000001.jpg", quality=95)
    source = np.asarray(Image.open(tmp_path / "new" / "A000001.jpg"))
    write_png(tmp_path / "cut.png", portraits.cut(source, portraits.corners_of(points)))
    digests = (
        sha256_of_file(tmp_path / "cut.png"),
        portraits.pixels_sha256(read_rgb(tmp_path / "cut.png")),
    )
    listed = [
        portraits.Portrait("test", "A000001", *digests),
        portraits.Portrait("train", "B000002", *digests),
    ]
    monkeypatch.setattr(portraits, "read_catalogue", lambda: listed)
    monkeypatch.setattr(portraits, "locator", lambda model: lambda pixels: [points])
    return tmp_path


def test_make_takes_the_first_source_that_will_do_and_notes_the_corners(portraits, people, capsys):
    folders = [str(people / "old"), str(people / "new")]
    assert portraits.main(["make", *folders, "--out", str(people / "out")]) == 1  # one is missing
    printed = capsys.readouterr().out
    assert "not cut: B000002: no picture of this person" in printed
    assert re.search(r"out: 1 (same file|missing), 1 ", printed)
    noted = list(csv.DictReader((people / "out" / "alignment.csv").read_text().splitlines()))
    assert [row["bioguide"] for row in noted] == ["A000001"]
    assert noted[0]["source_sha256"] == sha256_of_file(people / "new" / "A000001.jpg")


def test_noted_corners_replace_the_landmarks(portraits, people, capsys, monkeypatch):
    folders = [str(people / "old"), str(people / "new")]
    portraits.main(["make", *folders, "--out", str(people / "out")])
    monkeypatch.setattr(portraits, "locator", lambda model: pytest.fail("asked for landmarks"))
    again = ["--alignment", str(people / "out" / "alignment.csv"), "--out", str(people / "again")]
    portraits.main(["make", *folders, *again])
    made, repeated = (people / out / "test" / "A000001.png" for out in ("out", "again"))
    assert made.read_bytes() == repeated.read_bytes()
    with pytest.raises(InputError, match="found no alignment at"):
        portraits.main(["make", *folders, "--out", str(people), "--alignment", "nothing.csv"])


def test_verify_tells_files_pixels_and_people_apart(portraits, people, capsys):
    root = people / "set"
    picture = read_rgb(people / "cut.png")
    write_png(root / "test" / "A000001.png", picture)
    assert portraits.main(["verify", str(root), "--split", "test"]) == 0
    assert "1 same file" in capsys.readouterr().out
    Image.fromarray(picture).save(root / "test" / "A000001.png", compress_level=0)
    assert portraits.main(["verify", str(root), "--split", "test"]) == 0
    assert "1 same pixels" in capsys.readouterr().out
    write_png(root / "train" / "B000002.png", picture[::-1])
    assert portraits.main(["verify", str(root)]) == 1
    assert "other pixels: B000002" in capsys.readouterr().out


def test_without_dlib_or_with_another_model_it_is_one_line(portraits, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(InputError, match="pip install dlib-bin"):
        portraits.locator(None)
    monkeypatch.setitem(sys.modules, "dlib", object())
    (tmp_path / "model.dat").write_bytes(b"another")
    with pytest.raises(InputError, match="another file than dlib's"):
        portraits.locator(tmp_path / "model.dat")


def test_the_list_names_950_people_once_without_pictures(portraits):
    listed = portraits.read_catalogue()
    assert [sum(p.split == split for p in listed) for split in ("train", "test")] == [850, 100]
    assert len({p.bioguide for p in listed}) == len({p.pixels_sha256 for p in listed}) == 950
    assert all(re.fullmatch(r"[A-Z]\d{6}", p.bioguide) for p in listed)
    assert all(
        re.fullmatch(r"[0-9a-f]{64}", x) for p in listed for x in (p.sha256, p.pixels_sha256)
    )


def test_the_commands_of_the_page_parse(portraits):
    page = (ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8")
    lines = re.findall(r"^python benchmarks/portraits\.py (.+)$", page, re.MULTILINE)
    assert {portraits.parse(line.split()).command for line in lines} == {"make", "verify"}
    assert portraits.LANDMARKS_SHA256[:8] in page
