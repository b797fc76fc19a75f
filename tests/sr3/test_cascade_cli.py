"""`sr3.cascade`: the same bytes however it is cut up, killed or batched; what is refused."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_weights
import torch

from sr3 import cascade, generate
from sr3.base.errors import InputError
from sr3.base.files import sha256_of_file
from sr3.base.rng import generator_of
from sr3.cascading.work import Work
from sr3.networks import checkpoint
from sr3.networks.unet import UNet
from sr3.pictures import images
from sr3.sampling import chain
from sr3.sampling.chain import Stage
from sr3.sampling.upscaling import Conditioning

ROOT = Path(__file__).parents[2]
STAGES = """
[generator]
weights = "generator.safetensors"

[[stage]]
weights = "first.safetensors"
noise = 0.05

[[stage]]
weights = "second.safetensors"
sampler = "ddim"
steps = 1
tile = 32
overlap = 0
batch_size = 1
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder of weights: generators, 8 -> 32 and 32 -> 64 by windows; and a cascade of them."""
    folder = tmp_path_factory.mktemp("home")
    tiny_weights.generator(folder / "generator.safetensors")
    tiny_weights.generator(folder / "classed.safetensors", ("cat", "dog"))
    tiny_weights.upscaler(folder / "first.safetensors")
    tiny_weights.upscaler(folder / "regression.safetensors", task="regression")
    tiny_weights.upscaler(folder / "told.safetensors", told=True)
    tiny_weights.upscaler(folder / "second.safetensors", scale=2)
    (folder / "three.toml").write_text(STAGES)
    return folder


def written(home, name, text):
    path = home / f"{name}.toml"
    path.write_text(text)
    return path


def run(config, out, *options):
    command = [config, out, "--n", 3, "--batch-size", 2, "--device", "cpu", *options]
    return cascade.main([str(x) for x in command])


def bytes_of(out):
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("[!.]*.png"))}


@pytest.fixture(scope="module")
def whole(home, tmp_path_factory):
    """What one uninterrupted run makes."""
    out = tmp_path_factory.mktemp("whole")
    run(home / "three.toml", out)
    return bytes_of(out)


def test_every_stage_is_written_with_a_record_and_a_sheet(home, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(home / "three.toml", out) == 0
    assert "3 pictures" in capsys.readouterr().out
    assert len(images.list_images(out)) == 3, "nothing but the last stage lies there"
    for folder, side in (("stages/1-8", 8), ("stages/2-32", 32), (".", 64)):
        assert images.read_rgb(out / folder / "000002.png").shape == (side, side, 3)
    assert images.read_rgb(out / "sheets" / "stages.png").shape == (2 * (14 + 64), 2 * 3 * 64, 3)
    told = json.loads((out / "cascade.json").read_text())
    assert told["generator"]["sha256"] == sha256_of_file(home / "generator.safetensors")
    assert [stage["side"] for stage in told["stages"]] == [32, 64]
    assert told["stages"][1]["sha256"] == sha256_of_file(home / "second.safetensors")
    assert told["stages"][0]["noise"] == 0.05
    assert (told["stages"][0]["steps"], told["stages"][1]["sampler"]) == (2, "ddim")


def test_it_is_the_generator_and_the_chain_after_it(home, tmp_path):
    run(home / "three.toml", tmp_path / "cascade")
    options = ["--n", 3, "--batch-size", 2, "--device", "cpu"]
    command = [home / "generator.safetensors", tmp_path / "first", *options]
    generate.main([str(x) for x in command])
    for i in range(3):
        name = f"00000{i}.png"
        same = [
            p.read_bytes()
            for p in (tmp_path / "cascade/stages/1-8" / name, tmp_path / "first" / name)
        ]
        assert same[0] == same[1]

    from sr3.sampling.generating import generate as from_noise

    models = [
        checkpoint.load_model(home / f"{n}.safetensors") for n in ("generator", "first", "second")
    ]
    small = from_noise(
        models[0], None, [generator_of(0, "generate", i) for i in (0, 1)], precision="float32"
    )
    stages = [
        Stage(models[1], conditioning=Conditioning(noise=0.05)),
        Stage(models[2], sampler="ddim", steps=1, tile=32, overlap=0),
    ]
    out = chain.run(
        stages, small, lambda k: [generator_of(0, "cascade", i, k + 2) for i in (0, 1)], "float32"
    )
    found = images.read_rgb(tmp_path / "cascade" / "000001.png").astype(int)
    assert abs(images.to_uint8(out)[1].astype(int) - found).max() <= 1


def test_processes_together_make_what_one_makes(home, whole, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank in range(2):
        monkeypatch.setenv("RANK", str(rank))
        run(home / "three.toml", tmp_path)
    assert bytes_of(tmp_path) == whole


def test_another_batch_size_makes_the_same_pictures(home, tmp_path):
    for size in (1, 3):
        run(home / "three.toml", tmp_path / str(size), "--batch-size", size)
    for a, b in zip(images.list_images(tmp_path / "1"), images.list_images(tmp_path / "3"),
                    strict=True):  # fmt: skip
        difference = images.read_rgb(a).astype(int) - images.read_rgb(b).astype(int)
        assert abs(difference).max() <= 1


KILL = """
import os, signal, sys
from sr3 import cascade
from sr3.pictures import images
write, count = images.write_png, [0]
def killing(path, pixels):
    write(path, pixels)
    count[0] += 1
    if count[0] == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
images.write_png = killing
cascade.main(sys.argv[2:])
"""


def test_a_killed_process_is_made_up_for_byte_for_byte(home, whole, tmp_path):
    """SIGKILL within the second stage of the first batch, then once more in the second batch."""
    command = [home / "three.toml", tmp_path, "--n", 3, "--batch-size", 2, "--device", "cpu"]
    killed = subprocess.run(
        [sys.executable, "-c", KILL, "3", *map(str, command)],
        cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, timeout=120,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    assert sorted(bytes_of(tmp_path)) == [
        f"stages/{x}" for x in ("1-8/000000.png", "1-8/000001.png", "2-32/000000.png")
    ]
    run(home / "three.toml", tmp_path)
    assert bytes_of(tmp_path) == whole


@pytest.mark.parametrize("stop", [2, 6, 8, 11])
def test_interrupted_anywhere_it_goes_on_with_what_is_missing(
    home, whole, tmp_path, monkeypatch, stop
):
    """In each stage of the first batch, at its end, and in the last stage of the second."""
    write, made = images.write_png, []

    def interrupting(path, pixels):
        write(path, pixels)
        made.append(path)
        if len(made) == stop:
            raise KeyboardInterrupt

    monkeypatch.setattr(images, "write_png", interrupting)
    with pytest.raises(KeyboardInterrupt):
        run(home / "three.toml", tmp_path)
    made_again, make = [], Work.make
    monkeypatch.setattr(images, "write_png", write)
    monkeypatch.setattr(Work, "make", lambda self, b, p: made_again.append(b) or make(self, b, p))
    run(home / "three.toml", tmp_path)
    assert bytes_of(tmp_path) == whole
    assert len(made_again) == (2 if stop <= 8 else 1), "a finished batch is not made again"


def test_a_full_disk_in_the_second_stage_loses_nothing(home, whole, tmp_path, monkeypatch):
    write = images.write_png

    def full(path, pixels):
        if path.parent.name == "2-32":
            raise OSError(28, "No space left on device")
        write(path, pixels)

    monkeypatch.setattr(images, "write_png", full)
    with pytest.raises(InputError, match=r"No space left on device.*the same command goes on"):
        run(home / "three.toml", tmp_path)
    monkeypatch.undo()
    before = bytes_of(tmp_path)
    assert sorted(before) == ["stages/1-8/000000.png", "stages/1-8/000001.png"]
    run(home / "three.toml", tmp_path)
    assert bytes_of(tmp_path) == whole
    assert all(whole[name] == content for name, content in before.items())


def test_a_full_disk_under_the_journal_is_one_line_too(home, tmp_path, monkeypatch):
    opened = Path.open

    def full(path, mode="r", *rest, **named):
        if mode == "a":
            raise OSError(28, "No space left on device")
        return opened(path, mode, *rest, **named)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(InputError, match="No space left on device"):
        run(home / "three.toml", tmp_path, "--stages", 1)
    monkeypatch.undo()
    run(home / "three.toml", tmp_path, "--stages", 1)
    assert len(images.list_images(tmp_path)) == 3


def test_other_settings_are_refused_and_overwrite_takes_them(home, tmp_path):
    run(home / "three.toml", tmp_path)
    for options in (["--seed", 1], ["--stages", 2]):
        with pytest.raises(InputError, match="differing: "):
            run(home / "three.toml", tmp_path, *options)
    before = bytes_of(tmp_path)
    run(home / "three.toml", tmp_path, "--seed", 1, "--overwrite")
    assert all(content != before[name] for name, content in bytes_of(tmp_path).items())


def test_only_the_first_stages_and_only_what_is_kept(home, whole, tmp_path):
    run(home / "three.toml", tmp_path / "two", "--stages", 2)
    two = bytes_of(tmp_path / "two")
    assert two["000000.png"] == whole["stages/2-32/000000.png"]
    assert two["stages/1-8/000002.png"] == whole["stages/1-8/000002.png"]
    text = STAGES.replace("noise = 0.05", "noise = 0.05\nkeep = false").replace(
        "[[stage]]", "keep = false\n[[stage]]", 1
    )
    run(written(home, "unkept", text), tmp_path / "three")
    assert not (tmp_path / "three" / "stages").exists()
    three = bytes_of(tmp_path / "three")
    assert {n: c for n, c in whole.items() if "stages/" not in n} == three, "the sheet shows all"


def test_classes_come_in_turn_and_guidance_reaches_the_first_stage(home, tmp_path):
    config = written(home, "classed", STAGES.replace("generator.saf", "classed.saf"))
    run(config, tmp_path / "plain")
    assert (tmp_path / "plain" / "classes.csv").read_text().split()[1:] == [
        "000000.png,cat", "000001.png,dog", "000002.png,cat"
    ]  # fmt: skip
    run(config, tmp_path / "dogs", "--class", "dog", "--guidance", 1)
    plain, dogs = bytes_of(tmp_path / "plain"), bytes_of(tmp_path / "dogs")
    assert plain["stages/1-8/000001.png"] != dogs["stages/1-8/000001.png"]


def test_bicubic_and_regression_stages_stand_in_for_comparison(home, tmp_path):
    first = '[generator]\nweights = "generator.safetensors"\n'
    bicubic = written(home, "bicubic", first + '[[stage]]\nkind = "bicubic"\nscale = 4\n')
    regression = '[[stage]]\nkind = "regression"\nweights = "regression.safetensors"\n'
    run(bicubic, tmp_path / "b")
    run(written(home, "regression", first + regression), tmp_path / "r")
    b, r = bytes_of(tmp_path / "b"), bytes_of(tmp_path / "r")
    assert b["stages/1-8/000000.png"] == r["stages/1-8/000000.png"], "of the same first pictures"
    assert b["000000.png"] != r["000000.png"]
    assert json.loads((tmp_path / "b" / "cascade.json").read_text())["stages"][0]["scale"] == 4


def test_a_stage_starts_at_its_twin_which_lies_beside_the_file(home, tmp_path):
    first = '[generator]\nweights = "generator.safetensors"\n'
    stage = '[[stage]]\nweights = "first.safetensors"\n'
    run(written(home, "noise", first + stage), tmp_path / "noise")
    for form in ("regression", "regression.safetensors@-1.4"):
        config = written(home, "started", f'{first}{stage}start = "{form}"\n')
        run(config, tmp_path / form)
        told = json.loads((tmp_path / form / "cascade.json").read_text())["stages"][0]
        assert told["start"] == "regression@-1.4"
        assert told["start_sha256"] == sha256_of_file(home / "regression.safetensors")
    made = [bytes_of(tmp_path / form)["000000.png"] for form in ("noise", "regression", form)]
    assert made[0] != made[1] == made[2]


def test_the_network_sees_no_more_pictures_at_once_than_its_stage_allows(
    home, tmp_path, monkeypatch
):
    seen, forward = [], UNet.forward

    def counting(self, lr_up, *rest):
        seen.append((lr_up.shape[1], len(lr_up)))
        return forward(self, lr_up, *rest)

    monkeypatch.setattr(UNet, "forward", counting)
    run(home / "three.toml", tmp_path)
    assert max(count for channels, count in seen if not channels) == 2
    assert {count for channels, count in seen[-4:] if channels} == {1}, "the last stage says one"


REFUSED = {
    "a misspelt key": ("temprature = 1.0", "stage 3 of .*unknown setting 'temprature'"),
    "a wrong type": ('steps = "two"', "stage 3 of .*found steps = 'two'"),
    "no such sampler": ('sampler = "euler"\ntile = 32', "sampler 'euler'"),
    "no such file": ('weights = "third.safetensors"', "no weights of stage 3 at .*third"),
    "not shipped": ('weights = "third"', "stage 3 of .*no shipped weights 'third'"),
    "another task": ('weights = "regression.safetensors"', "regression weights .*wanted sr3"),
    "a generator": ('weights = "generator.safetensors"', "generator weights .*wanted sr3"),
    "no windows asked for": ("", "found pictures of 32x32 from the stage before, wanted 16x16"),
    "too small": ('weights = "first.safetensors"\n[[stage]]\nweights = "first.safetensors"\n',
                  "found pictures of 8x8|found pictures of 32x32 .*wanted 8x8"),
    "an odd tile": ("tile = 33", "tile of 33"),
    "a twin of another scale": ('start = "regression"\ntile = 32', "stage 3 .*a start of scale 4"),
    "no such twin": ('start = "none-such"\ntile = 32', "stage 3 of .*found start none-such"),
    "untold": ("tell = true\ntile = 32", "not trained to be told"),
    "a wide blur": ("blur = 20\ntile = 32", "found blur 20"),
    "noise": ("noise = 2\ntile = 32", "found noise 2"),
    "a bicubic model": ('kind = "bicubic"\nscale = 2', "found weights for kind bicubic"),
    "a kind": ('kind = "gan"', "found kind = 'gan'"),
    "no pictures at once": ("batch_size = 0", "batch_size 0"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_one_line_before_anything_is_written(home, tmp_path, what):
    keys, named = REFUSED[what]
    text = STAGES[: STAGES.index("sampler")]
    if keys.startswith("weights"):
        text = text.replace('weights = "second.safetensors"\n', "")
    with pytest.raises(InputError, match=named):
        run(written(home, "refused", text + keys), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--class", "owl"], "class 'owl'"),
        (["--guidance", "1"], "weights without classes"),
        (["--n", "0"], "--n 0"),
        (["--stages", "4"], "1 to 3"),
        (["--weights", "4=a.safetensors"], "1 to 3"),
        (["--weights", "1=a.safetensors"], "no weights of stage 1 at a.safetensors"),
        (["--weights", "a.safetensors"], "NUMBER=FILE"),
    ],
)
def test_options_that_cannot_be_are_refused(home, tmp_path, options, named):
    with pytest.raises(InputError, match=named):
        run(home / "three.toml", tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("generator = 3", r"no \[generator\]"),
        ("[generators]\n", "unknown setting 'generators'"),
        ('[generator]\nstep = 3\nweights = "generator.safetensors"', "unknown setting 'step'"),
        ('[generator]\nweights = "first.safetensors"', "found sr3 weights, wanted a generator"),
        ('[generator]\n[stage]\nkind = "bicubic"', r"wanted \[\[stage\]\]"),
        ("[generator", "invalid TOML"),
        (
            '[generator]\nweights = "generator.safetensors"\n[[stage]]\nkind = "bicubic"',
            "found scale None, wanted the factor",
        ),
        ('[generator]\nrecipe = "faces-generator"', r"stage 1 \(recipe faces-generator\)"),
    ],
)
def test_files_that_are_no_cascade_are_refused(home, tmp_path, text, named):
    with pytest.raises(InputError, match=named):
        run(written(home, "broken", text), tmp_path / "out")


def test_an_unknown_cascade_names_the_shipped_ones(tmp_path):
    with pytest.raises(InputError, match=r"found no cascade 'fases', wanted .*faces"):
        run("fases", tmp_path / "out")


def test_given_weights_stand_in_for_those_of_the_file(home, tmp_path):
    text = STAGES.replace('weights = "generator.safetensors"', 'recipe = "faces-generator"')
    config = written(home, "given", text)
    run(config, tmp_path, "--stages", 1, "--weights", f"1={home / 'generator.safetensors'}")
    assert len(images.list_images(tmp_path)) == 3


def test_the_network_is_told_what_was_done_to_its_input(home, tmp_path, monkeypatch):
    told, forward = [], UNet.forward

    def listening(self, lr_up, y_t, gamma, levels=None, labels=None):
        if lr_up.shape[1]:
            told.append(levels)
        return forward(self, lr_up, y_t, gamma, levels, labels)

    monkeypatch.setattr(UNet, "forward", listening)
    text = STAGES.replace("first.safetensors", "told.safetensors").replace(
        "noise = 0.05", "noise = 0.05\nblur = 0.5"
    )
    run(written(home, "told", text), tmp_path / "told", "--stages", 2)
    torch.testing.assert_close(told[0], torch.tensor([[0.5, 0.05]] * 2))
    told.clear()
    untold = text.replace("blur = 0.5", "blur = 0.5\ntell = false")
    run(written(home, "untold", untold), tmp_path / "untold", "--stages", 2)
    assert told[0] is None
    assert bytes_of(tmp_path / "told") != bytes_of(tmp_path / "untold")
