"""`bench.nearest`: copies are found in both spaces, held-out pictures must be held out."""

import shutil

import numpy as np
import pytest
from PIL import Image

from bench import nearest, report
from bench.documents.kept_tables import measured
from bench.records.measurements import read_measurements
from bench.running import runner
from bench.running.config import RunConfig
from bench.running.plan import plan
from sr3.base.errors import InputError

pytestmark = pytest.mark.usefixtures("quick_network")


@pytest.fixture
def run(images, tmp_path):
    """A run of new pictures and of slightly changed training pictures."""
    training, copies = images("training", 14, first=500), tmp_path / "copies"
    copies.mkdir()
    for path in training.glob("*.png"):
        pixels = np.asarray(Image.open(path)).astype(int) + 3
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(copies / f"c{path.name}")
    config = RunConfig(
        "cascade-faces", images("real", 14), metrics=("fd_efficientnet_lite0",),
        imports={"new": images("new", 13, first=900), "copies": copies},
        out=tmp_path / "runs", silent=True,
    )  # fmt: skip
    return runner.run(plan(config), say=lambda line: None).folder, training


def test_copies_are_nearer_than_held_out_pictures(run, capsys):
    folder, training = run
    assert nearest.main([str(folder), "--training", str(training)]) == 0
    printed = capsys.readouterr().out
    assert "nearest of 14 training pictures, against that of 14 held-out ones" in printed
    found = read_measurements(folder / "nearest.json")
    for space in ("pixels", "features"):
        copies, new = (found.rows[name][f"{space}_nearer"] for name in ("copies", "new"))
        assert copies.value > 0.98
        assert new.low < 0.5 < new.high
        assert found.rows["copies"][f"{space}_ratio"].value < 0.5
    assert (found.n, found.made["training"]["n"]) == (13, 14)
    assert len(measured(found, "a/nearest").sections[0].rows) == 2
    lines = (folder / "nearest.csv").read_text().splitlines()
    assert len(lines) == 1 + 2 * (14 + 13 + 14)
    own = [line.split(",") for line in lines if line.startswith("copies,")]
    assert all(picture == f"c{near}" for _, picture, _, near, _ in own)
    with Image.open(folder / "nearest-copies.png") as sheet:
        assert sheet.width > 300
    report.main([str(folder)])
    assert "Nearest training pictures of copies" in (folder / "report.html").read_text()


def test_bad_questions_are_one_line(run, images, tmp_path):
    folder, training = run
    with pytest.raises(InputError, match="found 14 real pictures of the run among the training"):
        nearest.main([str(folder), "--training", str(tmp_path / "real")])
    with pytest.raises(InputError, match="found no system x in the run, wanted of new, copies"):
        nearest.main([str(folder), "--training", str(training), "--systems", "x"])
    with pytest.raises(InputError, match="the run wants 32x32"):
        nearest.main([str(folder), "--training", str(images("large", 3, size=48))])
    shutil.rmtree(folder / "cache")
    with pytest.raises(InputError, match="found no finished run"):
        nearest.main([str(tmp_path), "--training", str(training)])
