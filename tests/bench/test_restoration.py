"""Suites of restoration, and a user's own degradation from its training to a table."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import bench
from bench import check, explain, run, study
from bench.images.hr import open_set, read_hr
from bench.images.lowres import low_of_suite
from bench.images.pixels import to_batch
from bench.records.record import read_images, read_record
from bench.reporting.page import write_page
from bench.suites.protocol import load_suite
from sr3.base.errors import InputError
from sr3.train import main as train

ROOT = Path(__file__).parents[2]
SUITES = {
    "deblur": "input,unsharp_mask,wiener",
    "colorize": "input",
    "inpaint": "input,biharmonic",
    "jpeg": "input,unsharp_mask",
    "real4x": "input,bicubic",
}
OWN_SUITE = '''
"""A user's suite: lost columns in 32x32 pictures."""
from bench.suites.protocol import Suite

SUITE = Suite(
    title="lost columns", version=1, scale=1, size=(32, 32), systems=("input", "sr3"),
    metrics=("psnr", "ssim", "consistency", "diversity"), dataset="mine", paper_table=None,
    prepare=None, degradation="{file}:every=2",
)
'''


def example(name):
    text = (ROOT / "docs/adding.md").read_text(encoding="utf-8")
    return re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", text, re.DOTALL)[1]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder of runs of every suite on three embedded faces."""
    out = tmp_path_factory.mktemp("runs")
    for name, systems in SUITES.items():
        told = ["--suite", name, "--limit", "3", "--out", str(out), "--device", "cpu"]
        assert run.main([*told, "--systems", systems, "--metrics", "psnr,consistency"]) == 0
    return out


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_runs_from_one_command_and_has_a_report(runs, name):
    folder = runs / name
    records = {s: read_record(folder / f"{s}.json") for s in ("hr", *SUITES[name].split(","))}
    assert all(record.status == "ok" for record in records.values())
    assert load_suite(name).suite.degradation.partition(":")[0] in records["hr"].downsampler
    text = (folder / "table.txt").read_text()
    assert "v1" in text
    assert (folder / "sheet.png").is_file()
    page = tmp = folder / "page.html"
    write_page(folder, page)
    assert tmp.stat().st_size > 10_000


def test_consistency_is_with_the_suites_own_operator(runs):
    found = {
        name: {s: read_record(runs / name / f"{s}.json").metrics["consistency"] for s in systems}
        for name, systems in (("deblur", ("hr", "input", "wiener")), ("inpaint", ("hr", "input")),
                              ("colorize", ("hr", "input")), ("jpeg", ("hr", "input")),
                              ("real4x", ("hr",)))
    }  # fmt: skip
    for name in ("deblur", "inpaint", "colorize", "jpeg"):
        assert found[name]["hr"].value < 0.2e-5  # no more than rounding to 8 bits leaves
    assert found["deblur"]["input"].value > 5 * found["deblur"]["wiener"].value
    assert found["inpaint"]["input"].value < 1e-12
    assert "by chance" in found["real4x"]["hr"].status


def test_classical_methods_do_better_than_nothing(runs):
    def psnr(suite, system):
        return read_images(runs / suite, system)[1]["psnr"].mean()

    assert psnr("deblur", "wiener") > psnr("deblur", "unsharp_mask") > psnr("deblur", "input")
    assert psnr("inpaint", "biharmonic") > psnr("inpaint", "input") + 5


def test_inputs_are_made_again_from_the_picture_alone():
    named = load_suite("inpaint")
    items = open_set(named, limit=3).items
    low = low_of_suite("bicubic", "free_form_mask", 1)
    hr = to_batch([read_hr(item) for item in items])
    together, alone = low.input([None] * 3, hr, 1), low.input([None], hr[2:], 1)
    assert together.shape == (3, 4, 128, 128)
    assert (together[2:] == alone).all()
    assert (together[0, 3] != together[1, 3]).any()
    assert set(together[:, 3].unique().tolist()) == {0, 255}
    with pytest.raises(InputError, match="keeps the size"):
        low_of_suite("bicubic", "grayscale", 2)


@pytest.fixture
def outputs(tmp_path):
    """A folder of six outputs that are HR with a trace of noise."""

    def write(change):
        folder = tmp_path / "outputs"
        folder.mkdir()
        for item in open_set(load_suite("colorize"), limit=6).items:
            noise = np.random.default_rng(0).normal(0, 3, (128, 128, 3))
            pixels = np.clip(read_hr(item) + noise, 0, 255).round().astype(np.uint8)
            Image.fromarray(change(pixels)).save(folder / f"{item.stem}.png")
        return folder

    return write


@pytest.mark.parametrize(
    ("suite", "change", "finding"),
    [
        ("colorize", lambda p: p, None),
        ("deblur", lambda p: p, None),
        ("inpaint", lambda p: p, None),
        ("jpeg", lambda p: p, None),
        ("real4x", lambda p: p, None),
        ("colorize", lambda p: np.repeat(p[..., 1:2], 3, axis=2), "content"),
        ("colorize", lambda p: p[..., ::-1].copy(), "channels"),  # luma tells their order
        ("real4x", lambda p: p[..., ::-1].copy(), "channels"),
        ("deblur", lambda p: np.roll(p, 1, axis=1), "shift"),
        ("inpaint", lambda p: p[::2, ::2].copy(), "size"),
        ("deblur", lambda p: p[:, ::-1].copy(), "flips"),
        ("inpaint", lambda p: p[..., ::-1].copy(), "channels"),
        ("jpeg", lambda p: (p * 0.7).astype(np.uint8), "tone"),
    ],
)
def test_the_doctor_sees_what_makes_sense(outputs, tmp_path, suite, change, finding, capsys):
    folder, told = outputs(change), tmp_path / "report.json"
    code = check.main([str(folder), "--suite", suite, "--limit", "6", "--json", str(told)])
    found = {f["check"]: f["severity"] for f in json.loads(told.read_text())["findings"]}
    wrong = {name for name, severity in found.items() if severity in ("warning", "error")}
    assert wrong == ({finding} if finding else set()), capsys.readouterr().out
    assert code == (3 if finding else 0)
    assert found["blocks"] == ("skipped" if suite == "jpeg" else found["blocks"])


def test_a_degradation_of_ones_own_from_training_to_table(images, tmp_path, capsys):
    file = tmp_path / "columns.py"
    file.write_text(example("degradation"))
    suite = tmp_path / "lost.py"
    suite.write_text(OWN_SUITE.format(file=file))
    settings = ("steps=3", "save_every=3", "validate_every=3", "sample_steps=2", "warmup=1",
                f"degradation={file}:every=2..3")  # fmt: skip
    told = [word for value in settings for word in ("--set", value)]
    data = images("train", 8)
    assert train(["tiny", *told, "--data", str(data), "--out", str(tmp_path / "run"),
                  "--logger", "none", "--workers", "0", "--device", "cpu"]) == 0  # fmt: skip
    assert run.main([
        "--suite", str(suite), "--data", str(images("test", 3, first=50)), "--consistent",
        "--checkpoint", f"sr3={tmp_path / 'run/last.safetensors'}", "--device", "cpu",
        "--precision", "float32", "--samples", "2", "--out", str(tmp_path / "runs"),
    ]) == 0  # fmt: skip
    text = capsys.readouterr().out
    record = read_record(tmp_path / "runs/lost/sr3.json")
    assert "lost columns (every 2 columns)" in text
    assert "columns:every=2" in record.provenance["degradation"]
    assert record.metrics["consistency"].value < 1e-5  # projected with a found inverse
    assert record.metrics["psnr"].value > 0
    told = ["--run", str(tmp_path / "runs/lost"), "--systems", "sr3", "--images", "1",
            "--practice", "1", "--catch", "1", "--data", str(tmp_path / "test")]  # fmt: skip
    assert study.main([*told, "--suite", str(suite), "--out", str(tmp_path / "stimuli")]) == 0
    manifest = json.loads((tmp_path / "stimuli/manifest.json").read_text())
    assert (manifest["suite"], manifest["input"]) == ("lost", "damaged")
    with pytest.raises(InputError, match="the run is of lost"):
        study.main([*told, "--suite", "deblur", "--out", str(tmp_path / "other")])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--suite", "inpaint", "--lr", "somewhere"), "made from HR"),
        (("--suite", "jpeg", "--systems", "wiener"), "not linear"),
        (("--suite", "colorize", "--systems", "unsharp_mask"), "colour pictures"),
        (("--suite", "deblur", "--systems", "biharmonic"), "with a mask"),
    ],
)
def test_what_does_not_fit_is_one_line(arguments, named, tmp_path):
    with pytest.raises(InputError, match=named) as caught:
        run.main([*arguments, "--limit", "1", "--out", str(tmp_path), "--device", "cpu"])
    assert "\n" not in str(caught.value)


def test_outputs_of_other_inputs_are_told_and_words_fit_the_input(outputs, tmp_path, capsys):
    folder = outputs(lambda p: p)
    names = sorted(folder.iterdir())
    last = names[-1].read_bytes()
    for earlier, later in zip(names[-2::-1], names[:0:-1], strict=True):
        later.write_bytes(earlier.read_bytes())
    names[0].write_bytes(last)
    pictures = tmp_path / "offenders"
    told = ["--suite", "colorize", "--limit", "6", "--pictures", str(pictures)]
    assert check.main([str(folder), *told]) == 3
    text = capsys.readouterr().out
    assert "found 6 outputs that belong to another image" in text
    assert "LR" not in text
    assert (pictures / "mispaired.png").is_file()


@pytest.mark.parametrize("name", SUITES)
def test_the_page_calls_the_input_an_input(runs, name, tmp_path):
    page = write_page(runs / name, tmp_path / "page.html").read_text(encoding="utf-8")
    shown = re.sub(r"<pre>.*?</pre>", "", page, flags=re.DOTALL)
    assert "Input, systems, HR" in shown
    assert not re.search(r"\bLR\b|downsampled", shown)
    assert ("brought down by bicubic" in shown) == (name == "real4x")
    assert ("dashed line" in shown) == (name == "real4x")
    assert "the input, interpolation and published rows are not ranked" in shown


def test_the_input_itself_is_compared_and_never_ranked(runs):
    found = json.loads((runs / "jpeg/comparisons.json").read_text())["psnr"]
    assert found["best"] == []  # one system is left, and nothing to rank it among
    assert [(pair["a"], pair["b"]) for pair in found["pairs"]] == [("input", "unsharp_mask")]


@pytest.mark.parametrize("name", SUITES)
def test_pictures_that_a_program_holds_are_measured_as_by_the_command(runs, name):
    paths = sorted((runs / name / "images/input").glob("*.png"))
    outputs = [np.asarray(Image.open(path)) for path in paths]
    found = bench.evaluate(None, outputs, suite=name, metrics=["psnr", "consistency"], limit=3,
                           device="cpu")  # fmt: skip
    values = read_images(runs / name, "input")[1]
    assert found.per_image["psnr"].loc["sr"].to_numpy() == pytest.approx(values["psnr"])
    assert any("degraded input" in note for note in found.notes) == (name != "real4x")
    if name != "real4x":
        wanted = read_record(runs / name / "input.json").metrics["consistency"].value
        assert found.table["consistency"]["sr"] == pytest.approx(wanted, abs=1e-12)


def test_conventions_of_low_resolution_do_not_explain_a_restoration(runs, capsys):
    assert explain.main([str(runs / "deblur"), "--value", "wiener:psnr=34.0"]) == 0
    capsys.readouterr()
    for words, named in (
        (("--value", "wiener:consistency=0.2"), "no resize operator made"),
        (("--paper", "table2"), "is about low resolution"),
    ):
        with pytest.raises(InputError, match=named):
            explain.main([str(runs / "deblur"), *words])


def test_weights_trained_for_something_else_are_told_of(images, tmp_path, capsys):
    """A comparison that people want, so it is no fault; weights of other channels are one."""
    data = images("train", 8)
    for text, out in (("box", "box"), ("grayscale", "gray")):
        told = ["steps=1", "save_every=1", "validate_every=1", "sample_steps=1", "warmup=1",
                f"degradation={text}"]  # fmt: skip
        sets = [word for value in told for word in ("--set", value)]
        assert train(["tiny", *sets, "--data", str(data), "--out", str(tmp_path / out),
                      "--logger", "none", "--workers", "0", "--device", "cpu"]) == 0  # fmt: skip
    told = ["--suite", "real4x", "--systems", "sr3", "--metrics", "psnr", "--limit", "1",
            "--device", "cpu", "--out", str(tmp_path / "runs")]  # fmt: skip
    assert run.main([*told, "--checkpoint", f"sr3={tmp_path / 'box/last.safetensors'}"]) == 0
    assert "sr3: trained for box, not for this input" in capsys.readouterr().out
    told[1] = "inpaint"
    with pytest.raises(InputError, match="for weights trained with grayscale, which take gray"):
        run.main([*told, "--checkpoint", f"sr3={tmp_path / 'gray/last.safetensors'}"])
