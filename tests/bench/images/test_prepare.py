"""Raw folders become HR sets as the paper makes them; resumable, every bad file named."""

import json

import numpy as np
import pytest
from PIL import Image

from bench import data as command
from bench.images.classes import class_of, wordnet_ids
from bench.images.preparation import centre_crop, prepare_folder
from bench.suites.protocol import NamedSuite, Suite, load_suite
from sr3.base.errors import InputError
from sr3.pictures.images import read_rgb
from sr3.pictures.resize import area_resize


@pytest.fixture
def natural():
    return NamedSuite("tiny", _suite("natural"))


def _suite(prepare):
    return Suite("t", 1, 4, (16, 16), ("bicubic",), ("psnr",), "noise", None, prepare)


def save(path, height, width, mode="RGB", seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return pixels


def test_centre_crop_is_the_largest_and_central():
    pixels = np.arange(20 * 31 * 3).reshape(20, 31, 3) % 256
    np.testing.assert_array_equal(centre_crop(pixels, (16, 16)), pixels[:, 5:25])


def test_natural_images_are_cropped_shrunk_and_dropped(natural, tmp_path):
    large = save(tmp_path / "raw/a.png", 40, 32)
    save(tmp_path / "raw/b.png", 15, 100)
    save(tmp_path / "raw/c.png", 16, 16, seed=2)
    outcomes = prepare_folder(natural, tmp_path / "raw", tmp_path / "hr")
    assert [o.status for o in outcomes] == ["kept", "dropped", "kept"]
    made = read_rgb(tmp_path / "hr/a.png")
    np.testing.assert_array_equal(made, area_resize(large[4:36], (16, 16)))


def test_faces_are_resized_by_the_one_operator_and_must_be_square(tmp_path):
    named = NamedSuite("tiny", _suite("faces"))
    pixels = save(tmp_path / "raw/a.png", 64, 64)
    prepare_folder(named, tmp_path / "raw", tmp_path / "hr")
    pillow = np.asarray(Image.fromarray(pixels).resize((16, 16), Image.Resampling.BICUBIC))
    ours = read_rgb(tmp_path / "hr/a.png").astype(int)
    assert np.abs(ours - pillow.astype(int)).max() <= 1
    save(tmp_path / "raw/b.png", 64, 60)
    with pytest.raises(InputError, match=r"b\.png: found 60x64, wanted an aligned square face"):
        prepare_folder(named, tmp_path / "raw", tmp_path / "hr")


def test_a_class_folder_gives_its_label_to_the_name(natural, tmp_path):
    save(tmp_path / "raw/n01443537/ILSVRC2012_val_1.png", 20, 20)
    save(tmp_path / "raw/n01440764/n01440764_7.png", 20, 20)
    prepare_folder(natural, tmp_path / "raw", tmp_path / "hr")
    names = sorted(p.stem for p in (tmp_path / "hr").glob("*.png"))
    assert names == ["n01440764_7", "n01443537_ILSVRC2012_val_1"]
    assert [class_of(name) for name in names] == [0, 1]


def test_a_damaged_file_stops_by_name_or_is_skipped_by_name(natural, tmp_path):
    save(tmp_path / "raw/a.png", 20, 20)
    (tmp_path / "raw/b.jpg").write_bytes(b"\xff\xd8\xff no picture")
    save(tmp_path / "raw/c.png", 20, 20)
    with pytest.raises(InputError, match=r"b\.jpg.*--skip-bad"):
        prepare_folder(natural, tmp_path / "raw", tmp_path / "hr")
    assert (tmp_path / "hr/a.png").exists()
    outcomes = prepare_folder(natural, tmp_path / "raw", tmp_path / "hr", skip_bad=True)
    assert [o.status for o in outcomes] == ["kept", "bad", "kept"]
    manifest = json.loads((tmp_path / "hr/manifest.json").read_text())
    assert list(manifest["bad"]) == ["b.jpg"]
    assert list(manifest["files"]) == ["a.png", "c.png"]


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1"])
def test_other_modes_become_rgb_and_are_noted(natural, mode, tmp_path):
    suffix = "tif" if mode == "CMYK" else "png"
    save(tmp_path / f"raw/a.{suffix}", 20, 20, mode)
    outcomes = prepare_folder(natural, tmp_path / "raw", tmp_path / "hr")
    assert outcomes[0].note == f"converted from {mode}"
    assert read_rgb(tmp_path / "hr/a.png").shape == (16, 16, 3)


def test_16_bit_becomes_the_nearest_8_bit(natural, tmp_path):
    (tmp_path / "raw").mkdir()
    levels = np.full((16, 16), 200 * 257 + 100, np.uint16)
    Image.fromarray(levels).save(tmp_path / "raw/a.png")
    prepare_folder(natural, tmp_path / "raw", tmp_path / "hr")
    assert (read_rgb(tmp_path / "hr/a.png") == 200).all()


def test_it_goes_on_where_it_stopped(natural, tmp_path, monkeypatch):
    for index in range(4):
        save(tmp_path / f"raw/{index}.png", 20, 20, seed=index)
    prepare_folder(natural, tmp_path / "raw", tmp_path / "once")

    def stop(paths, label):
        yield from paths[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_folder(natural, tmp_path / "raw", tmp_path / "hr", progress=stop)
    with (tmp_path / "hr/prepared.jsonl").open("a") as journal:
        journal.write('{"source": "2.png", "sta')  # a torn line
    decoded = []
    from bench.images import preparation as prepare

    open_image = prepare.open_image
    monkeypatch.setattr(prepare, "open_image", lambda p: decoded.append(p.name) or open_image(p))
    prepare_folder(natural, tmp_path / "raw", tmp_path / "hr")
    assert decoded == ["2.png", "3.png"]
    for name in ("once", "hr"):
        files = json.loads((tmp_path / name / "manifest.json").read_text())["files"]
        assert len(files) == 4
    assert files == json.loads((tmp_path / "once/manifest.json").read_text())["files"]


def test_two_sources_of_one_name_are_refused(natural, tmp_path):
    save(tmp_path / "raw/x/a.png", 20, 20)
    save(tmp_path / "raw/y/a.png", 20, 20)
    with pytest.raises(InputError, match=r"both become a\.png"):
        prepare_folder(natural, tmp_path / "raw", tmp_path / "hr")


def test_wordnet_ids_are_the_thousand_in_order():
    ids = wordnet_ids()
    assert len(set(ids)) == 1000
    assert list(ids) == sorted(ids)
    assert class_of("n01440764_tench") == 0
    assert class_of("n15075141_toilet_tissue") == 999
    assert class_of("n02504458") == ids.index("n02504458") == 386  # African elephant
    assert class_of("cat_n02504458") is None


def test_the_embedded_faces_are_what_their_manifest_says(capsys):
    assert command.main(["verify"]) == 0
    assert "100 of 100 as in manifest.json" in capsys.readouterr().out


def test_verify_finds_changed_missing_and_extra_files(images, suite, natural, tmp_path, capsys):
    for index in range(3):
        save(tmp_path / f"raw/{index}.png", 40, 40, seed=index)
    arguments = ["--suite", suite, str(tmp_path / "raw"), str(tmp_path / "hr2")]
    assert command.main(["prepare", *arguments]) == 0
    check = ["verify", "--suite", suite, "--data", str(tmp_path / "hr2")]
    assert command.main(check) == 0
    (tmp_path / "hr2/0.png").unlink()
    (tmp_path / "hr2/1.png").write_bytes((tmp_path / "hr2/2.png").read_bytes())
    (tmp_path / "hr2/2.png").rename(tmp_path / "hr2/9.png")
    capsys.readouterr()
    assert command.main(check) == 1
    printed = capsys.readouterr().out
    assert "missing: 0.png" in printed
    assert "changed: 1.png" in printed
    assert "extra: 9.png" in printed


def test_list_names_every_suite(capsys):
    from bench.suites.protocol import suite_names

    assert command.main(["list"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in suite_names())


def test_where_images_come_from(images, suite, tmp_path):
    from bench.images.hr import find_root

    named, own = load_suite(suite), images("given")
    environment = images("environment")
    assert find_root(named, own, {"BENCH_DATA": str(environment)}) == (own, "--data")
    assert find_root(named, None, {"BENCH_DATA": str(environment)}) == (environment, "BENCH_DATA")
    (environment / "tiny").mkdir()
    assert find_root(named, None, {"BENCH_DATA": str(environment)})[0] == environment / "tiny"
    with pytest.raises(InputError, match="give --data DIR or set BENCH_DATA"):
        find_root(named, None, {})
    assert find_root(load_suite("face8x"), None, {})[1] == "embedded"
