"""From a finished run to a stimulus folder that the study server takes."""

import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench import run as bench_run
from bench import study
from sr3.base.errors import InputError
from twoafc_server.design.stimuli import read_stimuli

COUNT = 8


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A run of two systems on the first embedded faces."""
    out = tmp_path_factory.mktemp("runs")
    options = ["--suite", "face8x", "--systems", "bicubic,nearest", "--metrics", "psnr"]
    assert bench_run.main([*options, "--limit", str(COUNT), "--out", str(out)]) == 0
    return out / "face8x"


def make(run: Path, out: Path, *more: str) -> int:
    options = ["--run", str(run), "--systems", "bicubic,nearest", "--out", str(out)]
    return study.main([*options, "--practice", "2", "--catch", "2", *more])


def test_the_folder_is_plain_named_by_content_and_taken_by_the_server(finished, tmp_path):
    assert make(finished, tmp_path / "stimuli") == 0
    folder = read_stimuli(tmp_path / "stimuli")
    assert folder.systems == ("bicubic", "nearest")
    assert folder.size == (128, 128)
    assert [s.role for s in folder.stimuli].count("test") == COUNT - 4
    for path in (tmp_path / "stimuli").glob("*.png"):
        data = path.read_bytes()
        assert hashlib.sha256(data).hexdigest() == path.stem
        assert set(chunks(data)) == {b"IHDR", b"IDAT", b"IEND"}


def chunks(data: bytes) -> list[bytes]:
    at, kinds = 8, []
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        kinds.append(kind)
        at += 12 + length
    return kinds


def test_the_pictures_are_those_of_the_run(finished, tmp_path):
    make(finished, tmp_path / "stimuli")
    folder = read_stimuli(tmp_path / "stimuli")
    for one in folder.stimuli:
        if one.role == "test":
            for system, sha in one.outputs.items():
                with Image.open(finished / "images" / system / f"{one.image}.png") as run_image:
                    wanted = np.asarray(run_image)
                with Image.open(tmp_path / "stimuli" / f"{sha}.png") as image:
                    assert np.array_equal(np.asarray(image), wanted)


def test_practice_and_catch_images_are_no_test_images(finished, tmp_path):
    make(finished, tmp_path / "stimuli")
    folder = read_stimuli(tmp_path / "stimuli")
    by_role = {role: {s.hr for s in folder.stimuli if s.role == role} for role in ("test", "catch")}
    assert not by_role["test"] & by_role["catch"]
    assert all(set(s.outputs) == {"bicubic"} for s in folder.stimuli if s.role != "test")


def test_the_seed_fixes_the_choice(finished, tmp_path):
    texts = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        make(finished, tmp_path / name, "--seed", seed)
        texts.append((tmp_path / name / "manifest.json").read_text())
    assert texts[0] == texts[1] != texts[2]


def test_a_changed_picture_is_refused(finished, tmp_path):
    path = next((finished / "images" / "nearest").glob("*.png"))
    kept = path.read_bytes()
    path.write_bytes(kept + b"x")
    try:
        with pytest.raises(InputError, match="differs from its record"):
            make(finished, tmp_path / "stimuli")
    finally:
        path.write_bytes(kept)
    assert not (tmp_path / "stimuli").exists()


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        (("--images", "99"), "ask for fewer"),
        (("--practice", "50"), "ask for fewer"),
        (("--systems", "bicubic,none"), "none"),
        (("--systems", "bicubic,bicubic"), "different systems"),
    ],
)
def test_what_the_run_does_not_have_is_refused(finished, tmp_path, more, wanted):
    with pytest.raises(InputError, match=wanted):
        make(finished, tmp_path / "stimuli", *more)


def test_a_folder_in_use_is_left_alone(finished, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="empty or new folder"):
        make(finished, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_the_manifest_says_where_it_comes_from(finished, tmp_path):
    make(finished, tmp_path / "stimuli")
    table = json.loads((tmp_path / "stimuli" / "manifest.json").read_text())
    head = {key: table[key] for key in ("version", "suite", "scale", "source_run", "systems")}
    assert head == {
        "version": 1,
        "suite": "face8x",
        "scale": 8,
        "source_run": "face8x",
        "systems": ["bicubic", "nearest"],
    }
