"""A suite's inputs on disk are those that its systems get, and their outputs come back as a row."""

import json

import numpy as np
import pytest
from PIL import Image

from bench import check, data, run
from bench.images.hr import open_set, read_hr
from bench.images.pixels import to_batch
from bench.records.record import read_images, read_record
from bench.suites.protocol import load_suite
from sr3.base.errors import InputError
from sr3.degradations.protocol import choose
from sr3.pictures.kinds import read_picture
from sr3.restoration.given import take

MODES = {"colorize": "L", "inpaint": "RGBA", "deblur": "RGB", "jpeg": "RGB", "real4x": "RGB",
         "face8x": "RGB"}  # fmt: skip


def write(suite, out, *more):
    return data.main(
        ["inputs", "--suite", suite, "--limit", "2", "--out", str(out), *map(str, more)]
    )


@pytest.mark.parametrize("name", MODES)
def test_they_are_the_levels_that_systems_are_given(name, tmp_path):
    assert write(name, tmp_path / "in") == 0
    named = load_suite(name)
    images = open_set(named, limit=2)
    assert sorted(p.name for p in (tmp_path / "in").iterdir()) == ["000.png", "001.png"]
    for item in images.items:
        file = Image.open(tmp_path / "in" / f"{item.stem}.png")
        assert file.mode == MODES[name]
        wanted = images.lr.input([None], to_batch([read_hr(item)]), named.suite.scale)[0]
        found = np.asarray(file).reshape(file.height, file.width, -1)
        assert np.array_equal(found, wanted.permute(1, 2, 0).numpy())


@pytest.mark.parametrize("name", ["colorize", "inpaint"])
def test_sampling_takes_them_as_they_are(name, tmp_path):
    more = ["--masks", tmp_path / "masks"] if name == "inpaint" else []
    write(name, tmp_path / "in", *more)
    named = load_suite(name)
    item = open_set(named, limit=1).items[0]
    low = open_set(named, limit=1).lr
    wanted = low.input([None], to_batch([read_hr(item)]), 1)[0].float() / 127.5 - 1
    chosen = choose(named.suite.degradation)
    picture = read_picture(tmp_path / "in/000.png")
    takes = [take(picture, chosen, "000.png")]
    if more:
        takes.append(take(picture, chosen, "000.png", tmp_path / "masks/000.png"))
    for given in takes:
        assert float((given.degraded - wanted).abs().max()) < 0.005  # a hole is 128, or exactly 0


def test_outputs_of_another_program_become_a_row(tmp_path, capsys):
    """What a user of Real-ESRGAN does: inputs out, another program, its folder in."""
    data.main(["inputs", "--suite", "real4x", "--limit", "6", "--out", str(tmp_path / "in")])
    for path in sorted((tmp_path / "in").iterdir()):
        enlarged = Image.open(path).resize((128, 128), Image.Resampling.LANCZOS)
        (tmp_path / "their").mkdir(exist_ok=True)
        enlarged.save(tmp_path / "their" / path.name)
    told = ["--suite", "real4x", "--limit", "6"]
    assert check.main([str(tmp_path / "their"), *told]) < 3
    assert run.main([*told, "--systems", "bicubic", "--system", f"realesrgan={tmp_path / 'their'}",
                     "--metrics", "psnr,consistency", "--accept", "tone", "--device", "cpu",
                     "--out", str(tmp_path / "runs")]) == 0  # fmt: skip
    record = read_record(tmp_path / "runs/real4x/realesrgan.json")
    assert record.status == "ok"
    assert "by chance" in record.metrics["consistency"].status
    psnr = {
        s: read_images(tmp_path / "runs/real4x", s)[1]["psnr"] for s in ("bicubic", "realesrgan")
    }
    assert np.abs(psnr["bicubic"] - psnr["realesrgan"]).max() < 1.5
    assert json.loads((tmp_path / "runs/real4x/comparisons.json").read_text())["psnr"]["pairs"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("colorize", "--masks", "m"), "no holes"),
        (("inpaint", "--masks", "in"), "two folders"),
        (("steps",), "no inputs"),
        (("colorise",), "no suite"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_line(arguments, named, tmp_path):
    suite, *more = arguments
    more = [str(tmp_path / w) if w in ("m", "in") else w for w in more]
    with pytest.raises(InputError, match=named) as caught:
        write(suite, tmp_path / "in", *more)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "in").exists()


def test_a_folder_with_other_files_is_left_alone_and_a_second_run_writes_the_same(tmp_path):
    write("jpeg", tmp_path / "in")
    first = {p.name: p.read_bytes() for p in (tmp_path / "in").iterdir()}
    write("jpeg", tmp_path / "in")
    assert first == {p.name: p.read_bytes() for p in (tmp_path / "in").iterdir()}
    (tmp_path / "in/notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"found notes\.txt"):
        write("jpeg", tmp_path / "in")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="found a file"):
        write("jpeg", tmp_path / "file")
