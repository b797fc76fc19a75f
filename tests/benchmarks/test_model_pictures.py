"""The pictures of the shipped models: which are shown, and where they stand on a sheet."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.comparison.attributes import read_attributes, resolve
from sr3.base.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pictures(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("model_pictures")


def flat(value, count=4, side=128):
    """Pictures of one level each: value, value + 1, ..."""
    levels = np.arange(value, value + count, dtype=np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (count, side, side, 3))


def test_rows_fill_the_blocks_in_turn(pictures):
    sheet = np.asarray(pictures.draw({"LR": flat(10), "HR": flat(100)}, blocks=2))
    step = 128 + pictures.GAP
    block = 2 * step - pictures.GAP + pictures.BLOCK_GAP
    middles = [
        [int(sheet[pictures.HEADING + r * step + 64, left + 64, 0]) for r in range(2)]
        for left in (0, step, block, block + step)
    ]
    assert middles == [[10, 11], [100, 101], [12, 13], [102, 103]]
    assert sheet.shape == (pictures.HEADING + 2 * step - pictures.GAP, 2 * block - 24, 3)


def test_a_number_of_pictures_that_does_not_divide_leaves_room(pictures):
    sheet = np.asarray(pictures.draw({"HR": flat(0, count=3)}, blocks=2))
    assert (sheet[-1, -1] == 255).all()
    assert (sheet[-1, 0] == 1).all()


def test_the_faces_are_spread_over_people(pictures):
    attributes = read_attributes(resolve("embedded"))
    chosen = pictures.spread_faces(attributes, 24)
    assert len(set(chosen)) == 24
    faces = [attributes[stem] for stem in chosen]
    sexes = [f["sex"] for f in faces]
    assert min(sexes.count(s) for s in set(sexes)) >= 8
    origins = [max(f["race"], key=f["race"].get) for f in faces]
    assert min(origins.count(o) for o in ("caucasian", "asian", "african")) >= 5
    assert min(f["age"] for f in faces) < 25
    assert max(f["age"] for f in faces) > 65
    assert sum(f["glasses"] for f in faces) >= 2


def test_the_choice_of_faces_does_not_hang_on_the_files_order(pictures):
    attributes = read_attributes(resolve("embedded"))
    backwards = dict(reversed(attributes.items()))
    assert pictures.spread_faces(backwards, 24) == pictures.spread_faces(attributes, 24)


def test_photographs_that_are_shown_are_kept_out_of_training(pictures):
    photographs = importlib.import_module("photographs")
    used = {p.stem: p.use for p in photographs.read_catalogue()}
    stems = [name.rsplit("_", 3)[0] for name in pictures.SHOWN]
    assert [used[stem] for stem in stems] == ["show"] * len(stems)


def test_the_worst_are_furthest_on_average_over_samples(pictures, monkeypatch):
    class Level:
        def features(self, sr):
            return sr[:, 0, 0, :1].astype(float)

    monkeypatch.setattr(pictures, "FrechetLite", Level)
    hr = np.zeros((4, 2, 2, 3), dtype=np.uint8)
    first, second = hr.copy(), hr.copy()
    first[:, 0, 0, 0] = (0, 9, 4, 1)
    second[:, 0, 0, 0] = (0, 1, 8, 2)
    assert pictures.worst([first, second], hr, 3) == [2, 1, 3]
    assert pictures.worst([first], hr, 1) == [1]


def test_a_sheet_of_faces_is_drawn_with_the_shipped_weights(pictures, monkeypatch, tmp_path):
    monkeypatch.setattr(pictures, "FACES", 2)
    monkeypatch.setattr(pictures, "SAMPLES", 2)
    assert pictures.main(["faces", "--out", str(tmp_path)]) == 0
    sheet = np.asarray(Image.open(tmp_path / "models-faces.jpg")).astype(float)
    step = 128 + pictures.GAP
    lr, bicubic, regression, one, two, hr = (
        sheet[pictures.HEADING :, n * step : n * step + 128] for n in range(6)
    )
    errors = [np.sqrt(np.mean((p - hr) ** 2)) for p in (lr, bicubic, regression)]
    assert errors == sorted(errors, reverse=True)
    assert 2 < np.abs(one - two).mean() < 30  # two draws of one face, not one and not noise


def test_photographs_need_a_folder_that_has_them(pictures, tmp_path):
    with pytest.raises(InputError, match="found no --data"):
        pictures.main(["natural"])
    picture = Image.fromarray(np.zeros((256, 256, 3), dtype=np.uint8))
    picture.save(tmp_path / "other.png")
    with pytest.raises(InputError, match=r"oakland-zoo-otters.* in --data"):
        pictures.main(["natural", "--data", str(tmp_path), "--out", str(tmp_path)])
    assert not list(tmp_path.glob("models-*"))
