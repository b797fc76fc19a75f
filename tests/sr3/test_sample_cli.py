"""`python -m sr3.sample`: pictures in, pictures out."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from sr3 import sample
from sr3.base.errors import InputError
from sr3.base.files import sha256_of_file
from sr3.base.rng import generator_of
from sr3.networks import checkpoint
from sr3.networks.model import ModelSpec
from sr3.networks.presets import PRESETS
from sr3.networks.unet import UNet
from sr3.pictures import images
from sr3.sampling import work


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A tiny random network that upscales 8x8 to 32x32, three DDIM steps by default."""
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    spec = ModelSpec(PRESETS["tiny"], "sr3", 4, "v", 0.3, "cosine:200", "dpmpp-2m", 3)
    tensors = {
        name: torch.randn(w.shape, generator=generator_of(name)) * 0.1
        for name, w in UNet(spec.unet).state_dict().items()
    }
    checkpoint.save_model(path, spec, tensors, {}, half=False)
    return path


@pytest.fixture
def folder(tmp_path):
    """Five 8x8 pictures and one of 6x11."""
    rng = np.random.default_rng(0)
    for i in range(5):
        images.write_png(tmp_path / "in" / f"{i}.png", rng.integers(0, 256, (8, 8, 3), np.uint8))
    images.write_png(tmp_path / "in" / "wide.png", rng.integers(0, 256, (6, 11, 3), np.uint8))
    return tmp_path / "in"


def sample_cli(weights, source, out, *options):
    return sample.main([str(source), str(out), "--weights", str(weights), *map(str, options)])


def pixels_of(folder):
    return {p.name: np.asarray(images.open_image(p)) for p in folder.glob("*.png")}


def same(a, b):
    """Whether two folders agree to one level: kernels round differently by the size of a batch."""
    return a.keys() == b.keys() and all(
        a[k].shape == b[k].shape and np.abs(a[k].astype(int) - b[k]).max() <= 1 for k in a
    )


def test_a_folder_becomes_a_folder(weights, folder, tmp_path, capsys):
    assert sample_cli(weights, folder, tmp_path / "out") == 0
    found = pixels_of(tmp_path / "out")
    assert {n: p.shape for n, p in found.items()} == {f"{i}.png": (32, 32, 3) for i in range(5)} | {
        "wide.png": (24, 44, 3)
    }
    settings = json.loads((tmp_path / "out" / "sample.json").read_text())
    assert settings["stages"][0]["sampler"] == "dpmpp-2m"
    assert settings["stages"][0]["steps"] == 3
    assert "6 pictures; consistency" in capsys.readouterr().out


def test_a_picture_becomes_the_named_picture_and_nothing_else(weights, folder, tmp_path):
    sample_cli(weights, folder / "0.png", tmp_path / "there" / "big.png")
    assert sorted(p.name for p in (tmp_path / "there").iterdir()) == ["big.json", "big.png"]
    sample_cli(weights, folder, tmp_path / "out")
    alone, among = pixels_of(tmp_path / "there")["big.png"], pixels_of(tmp_path / "out")["0.png"]
    assert same({0: alone}, {0: among}), "alone or in a folder, a picture gets the same noise"


def test_shards_together_equal_one_process(weights, folder, tmp_path, monkeypatch):
    sample_cli(weights, folder, tmp_path / "one", "--batch-size", 2)
    monkeypatch.setenv("WORLD_SIZE", "3")
    made = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        sample_cli(weights, folder, tmp_path / "three", "--batch-size", 2)
        made.append(len(pixels_of(tmp_path / "three")))
    assert made[0] < made[1] < made[2], "every process made its own part"
    assert same(pixels_of(tmp_path / "one"), pixels_of(tmp_path / "three"))


def test_torchrun_starts_it(weights, folder, tmp_path):
    import subprocess
    import sys

    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--master-addr", "127.0.0.1", "--master-port", "0", "-m", "sr3.sample"]
    command += [str(folder), str(tmp_path / "two"), "--weights", str(weights), "--batch-size", "2"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert finished.returncode == 0, finished.stderr
    sample_cli(weights, folder, tmp_path / "one", "--batch-size", 2)
    assert same(pixels_of(tmp_path / "one"), pixels_of(tmp_path / "two"))


def test_an_interrupted_run_goes_on_with_what_is_missing(weights, folder, tmp_path, monkeypatch):
    out = tmp_path / "out"
    make, calls = work.Work.make, []

    def failing(self, *args):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return make(self, *args)

    monkeypatch.setattr(work.Work, "make", failing)
    with pytest.raises(KeyboardInterrupt):
        sample_cli(weights, folder, out, "--batch-size", 2)
    assert len(pixels_of(out)) == 2
    before = {p.name: p.stat().st_mtime_ns for p in out.glob("*.png")}
    sample_cli(weights, folder, out, "--batch-size", 2)
    assert {n: (out / n).stat().st_mtime_ns for n in before} == before, "not made twice"
    sample_cli(weights, folder, tmp_path / "whole", "--batch-size", 2)
    assert same(pixels_of(out), pixels_of(tmp_path / "whole"))


def test_a_full_disk_keeps_what_was_made_and_is_said_in_one_line(
    weights, folder, tmp_path, monkeypatch
):
    write, calls = images.write_png, []

    def full(path, pixels):
        calls.append(path)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")
        write(path, pixels)

    monkeypatch.setattr(images, "write_png", full)
    with pytest.raises(InputError, match=r"could not write .* \(No space left on device\)"):
        sample_cli(weights, folder, tmp_path / "out", "--batch-size", 2)
    monkeypatch.undo()
    assert len(pixels_of(tmp_path / "out")) == 3
    sample_cli(weights, folder, tmp_path / "out", "--batch-size", 2)
    assert len(pixels_of(tmp_path / "out")) == 6


def test_a_changed_input_is_made_again(weights, folder, tmp_path):
    sample_cli(weights, folder, tmp_path / "out")
    before = pixels_of(tmp_path / "out")
    images.write_png(folder / "3.png", np.zeros((8, 8, 3), np.uint8))
    sample_cli(weights, folder, tmp_path / "out")
    after = pixels_of(tmp_path / "out")
    assert not np.array_equal(before["3.png"], after["3.png"])
    assert np.array_equal(before["1.png"], after["1.png"])


def test_other_settings_are_refused_and_overwrite_takes_them(weights, folder, tmp_path):
    sample_cli(weights, folder, tmp_path / "out")
    before = pixels_of(tmp_path / "out")
    with pytest.raises(InputError, match=r"differing: seed.*--overwrite"):
        sample_cli(weights, folder, tmp_path / "out", "--seed", 1)
    assert same(before, pixels_of(tmp_path / "out"))
    sample_cli(weights, folder, tmp_path / "out", "--seed", 1, "--overwrite")
    assert not same(before, pixels_of(tmp_path / "out"))


def test_several_samples_their_mean_and_a_sheet(weights, folder, tmp_path, capsys):
    options = ("--num-samples", 3, "--mean", "--compare")
    sample_cli(weights, folder / "0.png", tmp_path / "out", *options)
    found = pixels_of(tmp_path / "out")
    assert set(found) == {"0_0.png", "0_1.png", "0_2.png", "0_mean.png", "0_compare.png"}
    samples = np.stack([found[f"0_{k}.png"] for k in range(3)]).astype(float)
    assert np.abs(samples.mean(axis=0) - found["0_mean.png"]).max() <= 0.5 + 1e-6
    assert found["0_compare.png"].shape[1] == 32 * 6, "input, bicubic, three samples, mean"
    spread = samples.std(axis=0, ddof=1).mean()
    assert f"diversity {spread:.2f} of 255" in capsys.readouterr().out


def test_the_reported_consistency_and_colour_shift_are_those_of_the_files(
    weights, folder, tmp_path, capsys
):
    from sr3.pictures.resize import downsample

    def read(path):
        return images.from_uint8(np.array(images.open_image(path))[None])

    sample_cli(weights, folder / "1.png", tmp_path / "free")
    free, lr = read(tmp_path / "free" / "1.png"), read(folder / "1.png")
    error = float(((downsample(free, 4) - lr) / 2).square().mean())
    shift = float((free.mean(dim=(2, 3)) - lr.mean(dim=(2, 3))).abs().max() * 127.5)
    text = capsys.readouterr().out
    assert f"consistency {error * 1e5:.2f}e-5; colour shift at most {shift:.2f} of 255" in text


def test_consistent_changes_the_result_and_is_recorded(weights, folder, tmp_path):
    sample_cli(weights, folder, tmp_path / "out", "--consistent")
    assert json.loads((tmp_path / "out" / "sample.json").read_text())["consistent"] is True


def test_a_second_model_upscales_the_first_one_s_result(weights, folder, tmp_path):
    sample_cli(weights, folder / "0.png", tmp_path / "out", "--then", f"{weights}@2", "--compare")
    found = pixels_of(tmp_path / "out")
    assert found["0.png"].shape == (128, 128, 3)
    assert found["0_compare.png"].shape[1] == 3 * 128
    stages = json.loads((tmp_path / "out" / "0.json").read_text())["stages"]
    assert [s["steps"] for s in stages] == [3, 2]


def test_gray_alpha_16_bit_and_turned_pictures_go_through(weights, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    rng = np.random.default_rng(1)
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = {
        "gray.png": Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8)),
        "alpha.png": Image.fromarray(rng.integers(0, 256, (8, 8, 4), np.uint8)),
        "deep.png": Image.fromarray(rng.integers(0, 65536, (8, 8), np.uint16)),
        "turned.jpg": Image.fromarray(rng.integers(0, 256, (8, 12, 3), np.uint8)),
    }
    for name, image in kinds.items():
        image.save(source / name, **({"exif": exif} if name == "turned.jpg" else {}))
    sample_cli(weights, source, tmp_path / "out")
    assert {n: p.shape for n, p in pixels_of(tmp_path / "out").items()} == {
        "gray.png": (32, 32),
        "alpha.png": (32, 32, 4),
        "deep.png": (32, 32),
        "turned.png": (48, 32, 3),
    }


def test_inputs_that_share_a_stem_do_not_overwrite_each_other(weights, tmp_path):
    source = tmp_path / "in"
    images.write_png(source / "a.png", np.zeros((8, 8, 3), np.uint8))
    Image.new("RGB", (8, 8), "white").save(source / "a.bmp")
    sample_cli(weights, source, tmp_path / "out")
    assert set(pixels_of(tmp_path / "out")) == {"a.png.png", "a.bmp.png"}


def test_a_damaged_picture_stops_the_run_or_is_skipped_by_name(weights, folder, tmp_path, capsys):
    (folder / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"broken\.png.*--skip-bad"):
        sample_cli(weights, folder, tmp_path / "out")
    assert not (tmp_path / "out").exists(), "refused before anything is written"
    sample_cli(weights, folder, tmp_path / "out", "--skip-bad")
    assert len(pixels_of(tmp_path / "out")) == 6
    assert "broken.png" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--steps", "0"), "found 0 steps"),
        (("--steps", "500", "--sampler", "ancestral"), "1 to 200"),
        (("--sampler", "unipc", "--eta", "0.5"), "takes none"),
        (("--schedule", "nothing.json"), r"nothing\.json"),
        (("--num-samples", "0"), "num-samples"),
        (("--then", "face8x-sr3@many"), "WEIGHTS@STEPS"),
        (("--tile", "33"), "multiple of"),
        (("--device", "cuda"), "found no CUDA device"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    weights, folder, tmp_path, options, message
):
    if options[0] == "--device" and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(InputError, match=message):
        sample_cli(weights, folder, tmp_path / "out", *options)
    assert not pixels_of(tmp_path / "out")


def test_input_and_output_may_not_be_the_same(weights, folder):
    with pytest.raises(InputError, match="name another"):
        sample_cli(weights, folder, folder)
    with pytest.raises(InputError, match="name another"):
        sample_cli(weights, folder / "0.png", folder / "0.png")


def test_bad_input_is_one_line_and_code_2(run, weights, tmp_path):
    finished = run("sr3.sample", tmp_path / "none", tmp_path / "out", "--weights", weights)
    assert finished.returncode == 2
    assert finished.stderr.startswith("error: found no picture or folder")
    assert len(finished.stderr.splitlines()) == 1


def test_a_start_is_noted_and_shortens_the_run(weights, folder, tmp_path):
    spec = ModelSpec(PRESETS["tiny"], "regression", 4, "v", 0.3)
    tensors = {
        name: torch.randn(w.shape, generator=generator_of("twin", name)) * 0.1
        for name, w in UNet(spec.unet).state_dict().items()
    }
    twin = tmp_path / "twin.safetensors"
    checkpoint.save_model(twin, spec, tensors, {}, half=False)
    sample_cli(weights, folder, tmp_path / "noise", "--start", "noise")
    sample_cli(weights, folder, tmp_path / "plain")
    sample_cli(weights, folder, tmp_path / "twin", "--start", f"{twin}@0.5")
    assert same(pixels_of(tmp_path / "noise"), pixels_of(tmp_path / "plain"))
    assert not same(pixels_of(tmp_path / "noise"), pixels_of(tmp_path / "twin"))
    settings = json.loads((tmp_path / "twin" / "sample.json").read_text())["stages"][0]
    assert settings["start"] == "twin@0.5"
    assert settings["start_sha256"] == sha256_of_file(twin)
    with pytest.raises(InputError, match="found outputs made with other settings"):
        sample_cli(weights, folder, tmp_path / "twin")
