"""`bench.evaluate` gives what the command gives, whatever the pictures are held in."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import bench
from bench import run
from bench.records.finished import read_finished
from bench.records.record import REFERENCE
from sr3.base.errors import InputError

METRICS = ["psnr", "ssim", "consistency", "spectrum"]
N = 4


def arrays_of(folder):
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))])


@pytest.fixture
def hr(images):
    return images(n=N)


@pytest.fixture
def sr(hr, tmp_path):
    """Outputs of a system of the suite, in a folder; what its command says of them."""
    pictures = arrays_of(hr)
    small = [Image.fromarray(p).resize((8, 8), Image.Resampling.BICUBIC) for p in pictures]
    folder = tmp_path / "outputs"
    folder.mkdir()
    for index, picture in enumerate(small):
        big = picture.resize((32, 32), Image.Resampling.BICUBIC)
        big.save(folder / f"p{index}.png")
    return folder


@pytest.fixture
def of_command(suite, hr, sr, tmp_path):
    """The finished run of the command on the same folders."""

    def read():
        options = ["--suite", suite, "--data", str(hr), "--system", f"mine={sr}"]
        options += ["--systems", "bicubic", "--metrics", ",".join(METRICS), "--accept", "copies"]
        assert run.main([*options, "--out", str(tmp_path / "run")]) == 0
        return read_finished(tmp_path / "run" / "tiny")

    return read


def held(kind, folder):
    """The pictures of a folder as a program may hold them."""
    pictures = arrays_of(folder)
    signed = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    return {
        "folder": folder,
        "name": str(folder),
        "uint8": pictures,
        "floats": pictures / 255,
        "list": list(pictures),
        "PIL": [Image.fromarray(picture) for picture in pictures],
        "tensor": signed,
        "uint8 tensor": torch.from_numpy(pictures).permute(0, 3, 1, 2),
        "list of tensors": list(signed),
    }[kind]


def test_the_numbers_are_those_of_the_command_to_the_last_digit(of_command, suite, hr, sr):
    wanted = of_command()
    for kind in ("folder", "name", "uint8", "tensor"):
        found = bench.evaluate(
            held(kind, hr), {"mine": held(kind, sr)}, suite=suite, metrics=METRICS,
            systems=["bicubic"],
        )  # fmt: skip
        assert list(found.records) == [record.system for record in wanted.records]
        for record in wanted.records:
            assert found.records[record.system].metrics == record.metrics, kind
            for name, values in wanted.values[record.system].items():
                np.testing.assert_array_equal(found.values[record.system][name], values)


@pytest.mark.parametrize(
    "kind", ["uint8", "floats", "list", "PIL", "tensor", "uint8 tensor", "list of tensors"]
)
def test_every_way_to_hold_pictures_is_the_same(suite, hr, sr, kind):
    of_folder = bench.evaluate(hr, sr, suite=suite, metrics=["psnr"])
    found = bench.evaluate(held(kind, hr), held(kind, sr), suite=suite, metrics=["psnr"])
    assert found.score("psnr") == of_folder.score("psnr")
    mixed = bench.evaluate(hr, held(kind, sr), suite=suite, metrics=["psnr"])
    assert mixed.score("psnr") == of_folder.score("psnr")
    assert mixed.images == tuple(f"p{i}" for i in range(N))


def test_tables_say_what_the_records_say(suite, hr, sr):
    found = bench.evaluate(hr, {"one": sr, "two": hr}, suite=suite, metrics=METRICS)
    assert list(found.table.index) == [REFERENCE, "one", "two"]
    assert list(found.table.columns) == METRICS
    assert found.table.loc["one", "psnr"] == found.score("psnr", "one").value
    row = found.frame.loc[("one", "ssim")]
    assert row["low"] < row["value"] < row["high"]
    assert row["n"] == N
    assert np.isnan(found.table.loc["two", "psnr"])
    assert found.frame.loc[("two", "psnr"), "status"] == "infinite"
    assert found.per_image.loc[("one", "p1"), "psnr"] == found.values["one"]["psnr"][1]
    assert isinstance(found.per_image, pd.DataFrame)
    with pytest.raises(InputError, match=r"found system None, wanted one of hr, one, two"):
        found.score("psnr")
    with pytest.raises(InputError, match="found metric 'fid'"):
        found.score("fid", "one")


def test_a_notebook_sees_a_table_and_a_picture(suite, hr, sr):
    found = bench.evaluate(hr, sr, suite=suite)
    page = found._repr_html_()
    assert page.count("<table>") == 1
    assert f"{found.score('psnr').value:.2f}" in page
    assert "PSNR" in str(found)
    assert str(found) == repr(found)
    assert found.picture.mode == "RGB"
    assert found.picture.width > 3 * 128


def test_given_lr_is_recognised(suite, hr, sr):
    small = [Image.fromarray(p).resize((8, 8), Image.Resampling.BOX) for p in arrays_of(hr)]
    found = bench.evaluate(arrays_of(hr), arrays_of(sr), lr=small, suite=suite, metrics=["psnr"])
    assert found.records["sr"].extra["lr"]["operator"] == "box"
    with pytest.raises(InputError, match=r"found 32x32 pixels in picture 0 of lr, wanted 8x8"):
        bench.evaluate(hr, sr, lr=arrays_of(hr), suite=suite)


def test_the_suites_own_pictures_are_taken_for_none():
    hr = arrays_of(run.Path(run.__file__).parent / "embedded/faces-rendered")[:2]
    small = [Image.fromarray(p).resize((16, 16), Image.Resampling.BICUBIC) for p in hr]
    sr = [p.resize((128, 128), Image.Resampling.BICUBIC) for p in small]
    found = bench.evaluate(None, sr, limit=2, metrics=["psnr"])
    assert found.score("psnr") == bench.evaluate(hr, sr, metrics=["psnr"]).score("psnr")


def refusal(*arguments, **options):
    with pytest.raises(InputError) as caught:
        bench.evaluate(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert "bench-evaluate-" not in message  # the folder is gone
    return message


def test_bad_input_is_one_line(suite, hr, sr):
    true, made = arrays_of(hr), arrays_of(sr)
    assert "found 3 pictures for sr, wanted 4" in refusal(true, made[:3], suite=suite)
    assert "found 16x32 pixels in picture 0 of sr" in refusal(true, made[:, :, :16], suite=suite)
    assert "found 32x32 pixels in picture 0 of hr, wanted 128x128" in refusal(true, made)
    assert "found values from 0 to 255" in refusal(true, made.astype(float), suite=suite)
    assert refusal(true, "a text", suite=suite).startswith("found nothing at a text")
    assert "found a int" in refusal(true, [1, 2], suite=suite)
    assert "found no pictures for sr" in refusal(true, [], suite=suite)
    assert "found no suite named 'face9x'" in refusal(true, made, suite="face9x")
    assert "found no metric named 'psn'" in refusal(true, made, suite=suite, metrics=["psn"])
    assert "found system name 'hr'" in refusal(true, {"hr": made}, suite=suite)
    assert "found system name '../x'" in refusal(true, {"../x": made}, suite=suite)
    transparent = np.concatenate([made, np.full_like(made[..., :1], 9)], axis=3)
    assert "found a picture with alpha in sr" in refusal(true, transparent, suite=suite)


def test_what_the_doctor_finds_is_told_or_refused(suite, hr, sr):
    swapped = {"mine": arrays_of(sr)[..., ::-1]}
    found = bench.evaluate(hr, swapped, suite=suite, metrics=["psnr"])
    assert any(note.startswith("mine: channels: ") for note in found.notes)
    assert "mine: channels: " in str(found)
    assert "mine: channels: " in found._repr_html_()
    refused = refusal(hr, swapped, suite=suite, accept=["copies"])
    assert refused.startswith("found mine unfit for system mine")
    assert refused.endswith("or --accept channels")
    assert bench.evaluate(hr, arrays_of(hr)[:, ::-1], suite=suite, metrics=["psnr"]).notes


def test_a_system_that_cannot_run_is_a_row_without_numbers(suite, hr, sr):
    found = bench.evaluate(hr, {"lr": arrays_of(sr)}, suite=suite, metrics=["psnr"],
                           systems=["sr3"], lr=[p[::4, ::4] for p in arrays_of(hr)])  # fmt: skip
    assert list(found.table.index) == [REFERENCE, "sr3", "lr"]
    assert np.isnan(found.table.loc["sr3", "psnr"])
    assert found.table.loc["lr", "psnr"] == found.score("psnr", "lr").value
    with pytest.raises(InputError, match="found no scores of sr3: unavailable"):
        found.score("psnr", "sr3")


def test_the_package_hands_out_what_it_names_and_nothing_else():
    assert bench.Results.__name__ == "Results"
    with pytest.raises(AttributeError, match="no attribute 'evaluation'"):
        bench.evaluation  # noqa: B018
