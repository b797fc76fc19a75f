"""`--setting`: a system of the run once more, sampled in another way."""

import pytest

from bench import run as command
from bench.records.kept import command_of
from bench.records.record import read_record
from bench.running.config import RunConfig, Setting, read_setting
from sr3.base.errors import InputError
from sr3.base.files import read_json


@pytest.fixture
def bench(images, suite, tmp_path):
    """A function that runs a tiny model with further options and returns the folder."""
    from tiny_weights import upscaler

    data, weights = images(n=2), upscaler(tmp_path / "w.safetensors")

    def start(name, *more):
        start = ["--suite", suite, "--data", str(data), "--out", str(tmp_path / name)]
        start += ["--device", "cpu", "--systems", "sr3", "--checkpoint", f"sr3={weights}"]
        assert command.main([*start, "--metrics", "psnr", *more]) == 0
        return tmp_path / name / "tiny"

    return start


def test_a_setting_makes_what_the_options_of_the_run_would_make(bench):
    told = "soft=sr3:sampler=ddim,steps=3,temperature=0.7,spread=0.5,consistent=true"
    own = bench("own", "--setting", told)
    options = ["--sampler", "ddim", "--steps", "3", "--temperature", "0.7", "--spread", "0.5"]
    whole = bench("whole", *options, "--consistent")
    soft, plain, same = (
        read_record(folder / f"{name}.json")
        for folder, name in ((own, "soft"), (own, "sr3"), (whole, "sr3"))
    )
    assert soft.outputs_sha256 == same.outputs_sha256 != plain.outputs_sha256
    assert soft.provenance == same.provenance
    assert (plain.sampler, plain.steps) == ("dpmpp-2m-sde", 2)
    assert f"--setting {told}" in command_of(read_json(own / "run.json"))


def test_a_setting_may_have_weights_of_its_own(bench, tmp_path):
    from tiny_weights import upscaler

    other = upscaler(tmp_path / "other.safetensors")
    folder = bench("r", "--setting", "b=sr3:spread=0.5", "--checkpoint", f"b={other}")
    first, second = (read_record(folder / f"{name}.json") for name in ("sr3", "b"))
    assert first.provenance["checkpoint"] == "w.safetensors"
    assert second.provenance["checkpoint"] == "other.safetensors"


def test_a_start_is_a_setting_and_an_option_of_the_run(bench, tmp_path):
    from tiny_weights import upscaler

    twin = upscaler(tmp_path / "twin.safetensors", task="regression")
    folder = bench("r", "--start", str(twin), "--setting", "noise=sr3:start=noise")
    first, second = (read_record(folder / f"{name}.json") for name in ("sr3", "noise"))
    assert first.provenance["start"] == "twin@-1.4"
    assert second.provenance["start"] == "noise"
    assert first.outputs_sha256 != second.outputs_sha256
    assert f"--start {twin}" in command_of(read_json(folder / "run.json"))


@pytest.mark.parametrize(
    "text", ["sr3:steps=4", "sr3:temperature=0.85,spread=0.65,consistent=false",
             "./mine.py:schedule=linear:5:1e-4,0.1,sampler=ddim", "sr3:start=twin@-1,spread=0.5"],
)  # fmt: skip
def test_what_is_read_is_written_again(text):
    assert read_setting(text).text == text
    assert RunConfig("s", settings={"a": read_setting(text)}).to_json()["settings"] == {"a": text}


def test_keys_have_their_kinds():
    changes = {"schedule": "linear:5:1e-4,0.1", "steps": 4, "spread": 0.5, "consistent": True}
    text = "sr3:schedule=linear:5:1e-4,0.1,steps=4,spread=0.5,consistent=true"
    assert read_setting(text) == Setting("sr3", changes)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sr3", "found 'sr3' in --setting sr3, wanted SYSTEM:KEY=VALUE,..."),
        ("sr3:", "found 'sr3:' in --setting"),
        (":steps=3", "wanted SYSTEM:KEY=VALUE"),
        ("sr3:tau=1", "found 'tau=1' in --setting sr3:tau=1, wanted"),
        ("sr3:steps=4,steps=8", "found 'steps=8' in --setting"),
        ("sr3:steps=0", "found steps=0 in --setting, wanted a whole number from 1 on"),
        ("sr3:steps=2.5", "found steps=2.5 in --setting, wanted a whole number from 1 on"),
        ("sr3:spread=nan", "found spread=nan in --setting, wanted a number"),
        ("sr3:consistent=1", "found consistent=1 in --setting, wanted true or false"),
    ],
)
def test_other_texts_are_refused(text, told):
    with pytest.raises(InputError) as error:
        read_setting(text)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--setting", "a=sr3:temperature=3"], "found temperature 3.0, wanted 0 to 2"),
        (["--setting", "a=sr3:sampler=euler"], "found sampler 'euler', wanted one of"),
        (["--setting", "a=bicubic:steps=3"], "found steps in --setting a, on which system bicubic"),
        (["--setting", "a=nope:steps=3"], "found no system named 'nope'"),
        (["--setting", "sr3=sr3:steps=3"], "found system 'sr3' twice"),
        (["--setting", "a=sr3:steps=3"] * 2, "found two --setting of one NAME"),
        (["--sampler", "euler"], "found sampler 'euler', wanted one of"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_any_picture(bench, tmp_path, more, told):
    with pytest.raises(InputError) as error:
        bench("r", *more)
    assert told in str(error.value)
    assert not list((tmp_path / "r").rglob("*.png"))
