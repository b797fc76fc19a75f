"""What may be shown of a cascade is drawn, and nothing else."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.reporting.neighbour_sheet import Neighbour
from sr3.base.errors import InputError
from sr3.pictures.images import write_png

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pictures(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("cascade_pictures")


def test_a_picture_beside_a_portrait_is_not_shown(pictures):
    def near(*names):
        spaces = zip(("pixels", "features"), names, strict=True)
        return Neighbour(Path("0.png"), {space: (Path(name), 0.1) for space, name in spaces})

    assert pictures.own(near("faces-rendered-1.png", "faces-rendered-2.png"), "faces-rendered")
    assert not pictures.own(near("faces-rendered-1.png", "portraits-2.png"), "faces-rendered")


def test_the_sheet_of_stages_becomes_a_jpeg(pictures, tmp_path):
    sheet = np.tile(np.arange(0, 256, 4, dtype=np.uint8)[:, None, None], (1, 64, 3))
    write_png(tmp_path / "sheets/stages.png", sheet)
    assert pictures.main(["stages", str(tmp_path), str(tmp_path / "out.jpg")]) == 0
    with Image.open(tmp_path / "out.jpg") as opened:
        assert opened.format == "JPEG"
        assert np.abs(np.asarray(opened).astype(int) - sheet).max() <= 4
    with pytest.raises(InputError, match="found no picture at"):
        pictures.main(["stages", str(tmp_path / "none"), str(tmp_path / "out.jpg")])
    with pytest.raises(InputError, match=r"found no .*results\.json|finished"):
        pictures.main(["neighbours", str(tmp_path), str(tmp_path), str(tmp_path / "out.jpg")])
