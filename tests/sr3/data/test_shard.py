"""Shards: made alike every time, read by the library that defined the layout, and trained from."""

import gc
import io
import json
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from sr3 import shard, train
from sr3.base.errors import InputError
from sr3.data import examples, shards, sources, split
from sr3.pictures import images


def wide_picture(seed, height=40, width=50):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def mixed(tmp_path):
    """Seven usable pictures in two subfolders, gray and JPEG among them, and one too small."""
    folder = tmp_path / "mixed"
    for i in range(5):
        images.write_png(folder / "a" / f"p{i}.png", wide_picture(i))
    (folder / "b").mkdir()
    Image.fromarray(wide_picture(5)[..., 0]).save(folder / "b" / "gray.png")
    Image.fromarray(wide_picture(6)).save(folder / "b" / "photo.v2.jpg")
    images.write_png(folder / "b" / "small.png", wide_picture(7, 16, 90))
    return folder


def make(source, out, *extra):
    arguments = [str(source), "--out", str(out), "--side", "20", "--per-shard", "3", *extra]
    return shard.main(arguments)


def test_shards_hold_the_largest_centre_square_reduced_by_area(mixed, tmp_path, capsys):
    assert make(mixed, tmp_path / "out") == 0
    assert "7 pictures in 3 shards; 1 too small" in capsys.readouterr().out
    source = sources.open_source(tmp_path / "out")
    assert [key.rpartition("/")[2] for key in source.keys] == [
        "p0", "p1", "p2", "p3", "p4", "gray", "photo_v2",
    ]  # fmt: skip
    centre = wide_picture(2)[:, 5:45].astype(float)
    wanted = centre.reshape(20, 2, 20, 2, 3).mean(axis=(1, 3))
    assert np.abs(source.read(2) - wanted).max() <= 1  # Pillow's box filter rounds once a side


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # it leaves files open
def test_the_webdataset_library_reads_them(mixed, tmp_path):
    webdataset = pytest.importorskip("webdataset")
    make(mixed, tmp_path / "out")
    own = sources.open_source(tmp_path / "out")
    tars = sorted(str(p) for p in (tmp_path / "out").glob("*.tar"))
    found = list(webdataset.WebDataset(tars, shardshuffle=False).decode("rgb8"))
    assert len(found) == 7
    for i, sample in enumerate(found):
        assert np.array_equal(sample["png"], own.read(i))
    gc.collect()  # its warnings about open files belong to this test


def test_the_same_command_makes_the_same_bytes_and_goes_on(mixed, tmp_path):
    make(mixed, tmp_path / "a")
    make(mixed, tmp_path / "b", "--workers", "2")
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    (tmp_path / "a" / ".shard-000001.json").unlink()
    (tmp_path / "a" / "shard-000001.tar").write_bytes(b"half")
    untouched = (tmp_path / "a" / "shard-000000.tar").stat().st_mtime_ns
    make(mixed, tmp_path / "a")
    assert (tmp_path / "a" / "shard-000000.tar").stat().st_mtime_ns == untouched
    assert shard.main(["--out", str(tmp_path / "a"), "--verify"]) == 0


def test_verify_names_a_changed_shard(mixed, tmp_path):
    make(mixed, tmp_path / "out")
    tar = tmp_path / "out" / "shard-000001.tar"
    content = bytearray(tar.read_bytes())
    content[700] ^= 1
    tar.write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"shard-000001\.tar"):
        shard.main(["--out", str(tmp_path / "out"), "--verify"])


def test_unusable_pictures_stop_it_unless_they_may_be_skipped(mixed, tmp_path, capsys):
    (mixed / "a" / "broken.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(InputError, match=r"broken\.png.*--skip-bad"):
        make(mixed, tmp_path / "out")
    assert make(mixed, tmp_path / "out", "--skip-bad") == 0
    assert "left out a/broken" in capsys.readouterr().out
    with pytest.raises(InputError, match="other settings"):
        shard.main([str(mixed), "--out", str(tmp_path / "out"), "--side", "24"])


def test_foreign_tars_are_indexed_by_a_scan(faces, tmp_path):
    tar = tmp_path / "tars" / "foreign.tar"
    tar.parent.mkdir()
    with tarfile.open(tar, "w") as opened:
        for path in sorted(faces.glob("*.png"))[:4]:
            opened.add(path, f"x/{path.name}")
            note = tarfile.TarInfo(f"x/{path.stem}.json")
            note.size = 2
            opened.addfile(note, io.BytesIO(b"{}"))
    source = sources.open_source(tar)
    assert list(source.keys) == ["x/00", "x/01", "x/02", "x/03"]
    again = sources.open_source(tar.parent)  # now from the index that the scan left
    for i in range(4):
        wanted = images.read_rgb(faces / f"{i:02d}.png")
        assert np.array_equal(source.read(i), wanted)
        assert np.array_equal(again.read(i), wanted)
    tar.write_bytes(b"no tar at all")
    with pytest.raises(InputError, match=r"foreign\.tar"):
        sources.open_source(tar)


@pytest.mark.parametrize("nested", [True, False])
def test_parquet_gives_the_same_pictures(faces, tmp_path, nested):
    files = [path.read_bytes() for path in sorted(faces.glob("*.png"))]
    values = [{"bytes": b, "path": None} for b in files] if nested else files
    pq.write_table(pa.table({"image": values}), tmp_path / "p.parquet", row_group_size=5)
    source = sources.open_source(tmp_path / "p.parquet")
    assert list(source.groups) == [5, 5, 2]
    for i in reversed(range(12)):
        assert np.array_equal(source.read(i), images.read_rgb(faces / f"{i:02d}.png"))
    kept, held = split.split_holdout(source, 2)
    assert sum(kept.groups) == 10
    assert len(held.keys) == 2


def test_holding_out_is_by_name_whatever_the_container(faces, tmp_path):
    shard.main([str(faces), "--out", str(tmp_path / "out"), "--side", "32", "--per-shard", "5"])
    folder, tars = (sources.open_source(p) for p in (faces, tmp_path / "out"))
    names = [
        {key.rpartition("/")[2] for key in split.split_holdout(s, 4)[1].keys}
        for s in (folder, tars)
    ]
    assert names[0] == names[1]
    with pytest.raises(InputError, match="12 images"):
        split.split_holdout(folder, 12)


def test_training_from_shards_equals_training_from_the_folder(faces, tmp_path):
    """Same pictures, same keys, same order: the same losses to the last bit."""
    shard.main([str(faces), "--out", str(tmp_path / "tars"), "--side", "32"])
    settings = [x for s in ("steps=3", "save_every=9", "validate_every=9") for x in ("--set", s)]
    losses = []
    for i, (path, cache) in enumerate([(faces, "4"), (tmp_path / "tars", "0")]):
        out = tmp_path / f"out-{i}"
        arguments = ["tiny", "--data", str(path), "--out", str(out), "--cache-gib", cache]
        train.main(
            [*arguments, "--device", "cpu", "--logger", "none", "--log-every", "1", *settings]
        )
        lines = [json.loads(x) for x in (out / "log.jsonl").read_text().splitlines()]
        losses.append([x["train/loss"] for x in lines if "train/loss" in x])
    assert losses[0] == losses[1]


def test_several_sources_are_joined(faces, mixed, tmp_path):
    make(mixed, tmp_path / "out")
    joined = sources.Joined([sources.open_source(p) for p in (faces, tmp_path / "out")])
    assert len(joined.keys) == 19
    assert joined.read(12).shape == (20, 20, 3)
    assert joined.read(11).shape == (32, 32, 3)
    assert sorted(examples.Order(joined, 0)[i] for i in range(19)) == list(range(19))


def test_a_picture_a_little_too_large_is_averaged_and_not_thinned():
    """At 9 to 8 every new pixel mixes two of a ramp; whole pixels would keep their values."""
    ramp = np.repeat(np.arange(9, dtype=np.uint8)[None, :, None] * 20, 9, axis=0).repeat(3, axis=2)
    made = np.asarray(shards.squared(Image.fromarray(ramp), 8))[0, :, 0].astype(float)
    exact = [(k * (8 - k) + (k + 1) * (k + 1)) * 20 / 9 for k in range(8)]
    assert np.abs(made - exact).max() <= 0.5
