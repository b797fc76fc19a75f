"""`sr3.generate`: the same bytes however it is cut up, resumed or batched; what is refused."""

import csv
import json

import pytest
import tiny_weights
import torch

from sr3 import generate, sample
from sr3.base.errors import InputError
from sr3.base.files import sha256_of_file
from sr3.pictures import images
from sr3.sampling import generation


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return tiny_weights.generator(tmp_path_factory.mktemp("plain") / "plain.safetensors")


@pytest.fixture(scope="module")
def classed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classed")
    return tiny_weights.generator(folder / "classed.safetensors", ("cat", "dog"))


def generate_cli(weights, out, *options):
    command = [weights, out, "--n", 7, "--batch-size", 2, "--device", "cpu", *options]
    return generate.main([str(x) for x in command])


def bytes_of(out):
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*.png"))}


def test_pictures_sheet_classes_and_provenance(classed, tmp_path, capsys):
    out = tmp_path / "out"
    assert generate_cli(classed, out) == 0
    assert len(images.list_images(out)) == 7, "the sheet does not lie among the pictures"
    assert images.read_rgb(out / "000000.png").shape == (8, 8, 3)
    assert images.read_rgb(out / "sheets" / "contact.png").shape == (2 * (14 + 64), 512, 3)
    with (out / "classes.csv").open() as opened:
        rows = list(csv.DictReader(opened))
    assert [row["class"] for row in rows] == ["cat", "dog"] * 3 + ["cat"]
    told = json.loads((out / "generate.json").read_text())
    assert told["trained"] == {"name": "toy", "step": 3, "pictures_seen": 12}
    assert told["sha256"] == sha256_of_file(classed)
    assert told["plan"]["steps"] == 3
    assert "7 pictures" in capsys.readouterr().out


def test_shards_together_equal_one_process(classed, tmp_path, monkeypatch):
    generate_cli(classed, tmp_path / "one", "--guidance", 0.5)
    monkeypatch.setenv("WORLD_SIZE", "3")
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        generate_cli(classed, tmp_path / "three", "--guidance", 0.5)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "three")


def test_another_batch_size_gives_the_same_pictures(plain, tmp_path):
    generate_cli(plain, tmp_path / "two")
    generate_cli(plain, tmp_path / "seven", "--batch-size", 7)
    for a, b in zip(images.list_images(tmp_path / "two"), images.list_images(tmp_path / "seven"),
                    strict=True):  # fmt: skip
        difference = images.read_rgb(a).astype(int) - images.read_rgb(b).astype(int)
        assert abs(difference).max() <= 1


def test_an_interrupted_run_goes_on_with_what_is_missing(plain, tmp_path, monkeypatch):
    out, make, calls = tmp_path / "out", generation.Work.make, []

    def failing(self, *args):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return make(self, *args)

    monkeypatch.setattr(generation.Work, "make", failing)
    with pytest.raises(KeyboardInterrupt):
        generate_cli(plain, out)
    assert len(bytes_of(out)) == 2
    before = {p.name: p.stat().st_mtime_ns for p in out.glob("*.png")}
    generate_cli(plain, out)
    assert {n: (out / n).stat().st_mtime_ns for n in before} == before, "not made twice"
    generate_cli(plain, tmp_path / "whole")
    assert bytes_of(out) == bytes_of(tmp_path / "whole")


def test_a_full_disk_keeps_what_was_made(plain, tmp_path, monkeypatch):
    write, calls = images.write_png, []

    def full(path, pixels):
        calls.append(path)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")
        write(path, pixels)

    monkeypatch.setattr(images, "write_png", full)
    with pytest.raises(InputError, match="No space left on device"):
        generate_cli(plain, tmp_path / "out")
    monkeypatch.undo()
    assert len(bytes_of(tmp_path / "out")) == 3
    generate_cli(plain, tmp_path / "out")
    assert len(bytes_of(tmp_path / "out")) == 8


def test_other_settings_are_refused_and_overwrite_takes_them(plain, tmp_path):
    generate_cli(plain, tmp_path / "out")
    with pytest.raises(InputError, match="differing: seed"):
        generate_cli(plain, tmp_path / "out", "--seed", 1)
    before = bytes_of(tmp_path / "out")
    generate_cli(plain, tmp_path / "out", "--seed", 1, "--overwrite")
    assert all(bytes_of(tmp_path / "out")[name] != before[name] for name in before)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--class", "owl"], "cat, dog, or none"),
        (["--guidance", "-2"], "guidance"),
        (["--n", "0"], "--n 0"),
        (["--batch-size", "0"], "--batch-size 0"),
        (["--schedule", "bent:3"], "schedule"),
        (["--temperature", "9"], "temperature"),
        (["--eta", "0.5"], "eta"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(classed, tmp_path, options, named):
    with pytest.raises(InputError, match=named):
        generate_cli(classed, tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()


def test_weights_of_another_task_are_refused(plain, tmp_path):
    with pytest.raises(InputError, match="without classes"):
        generate_cli(plain, tmp_path / "out", "--guidance", 1)
    with pytest.raises(InputError, match="leave out --class"):
        generate_cli(plain, tmp_path / "out", "--class", "cat")
    with pytest.raises(InputError, match="wanted a generator"):
        generate_cli("face8x-sr3", tmp_path / "out")
    picture = tmp_path / "a.png"
    images.write_png(picture, images.to_uint8(torch.zeros(1, 3, 8, 8))[0])
    with pytest.raises(InputError, match=r"use sr3\.generate"):
        sample.main([str(picture), str(tmp_path / "out"), "--weights", str(plain)])
    assert not (tmp_path / "out").exists()
