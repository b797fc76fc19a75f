"""The command from end to end: every file it writes, in the shape its readers rely on."""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from twoafc_server.__main__ import main
from twoafc_server.analysis.analyse import Settings, analyse
from twoafc_server.analysis.reading.published import default_key, load_published, published_for
from twoafc_server.analysis.reading.sources import load
from twoafc_server.analysis.writing.latex import escape, to_latex
from twoafc_server.analysis.writing.sheet import extremes
from twoafc_server.analysis.writing.tables import csv_files, to_json
from twoafc_server.base.errors import InputError
from twoafc_server.simulation.observers import Observers
from twoafc_server.simulation.plans import Design
from twoafc_server.simulation.rows import Study, simulate_rows

EXPOSURES = (1000.0, 3000.0)


def study_frame(name="sr3-faces", **options):
    design = options.pop("design", Design(12, 8, 16, 2))
    rates = options.pop("rates", {"SR3": 0.5, "Regression": 0.2})
    rng = np.random.default_rng(0)
    frames = [
        simulate_rows(Study(rates, name, task, EXPOSURES), Observers(abandonment=0.1), design, rng)
        for task in ("task1", "task2")
    ]
    return pd.concat(frames, ignore_index=True)


def png(colour):
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), colour).save(buffer, "PNG")
    return buffer.getvalue()


def stimulus_folder(folder, systems=("SR3", "Regression"), images=16):
    folder.mkdir()
    stimuli = []
    for number in range(images):
        files = {}
        for shade, what in enumerate(("hr", "lr", *systems)):
            data = png((number * 15, shade * 60, 100))
            files[what] = hashlib.sha256(data).hexdigest() + ".png"
            (folder / files[what]).write_bytes(data)
        outputs = {name: files[name] for name in systems}
        row = {"image": f"image{number:04d}", "role": "test", "outputs": outputs}
        stimuli.append({**row, "hr": files["hr"], "lr": files["lr"]})
    (folder / "manifest.json").write_text(json.dumps({"version": 1, "stimuli": stimuli}))
    return folder


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("analysis")
    study_frame().to_csv(folder / "responses.csv", index=False)
    stimuli = stimulus_folder(folder / "stimuli")
    argv = [str(folder / "responses.csv"), "--out", str(folder / "out"), "--draws", "500"]
    assert main(["analyse", *argv, "--stimuli", str(stimuli)]) == 0
    return folder / "out"


def test_all_files_are_there(out):
    assert sorted(path.name for path in out.iterdir()) == [
        "analysis.json",
        "best_and_worst_task1.png",
        "best_and_worst_task2.png",
        "comparisons.csv",
        "exclusions.csv",
        "exposure.csv",
        "exposure.png",
        "fool_rates.pdf",
        "fool_rates.png",
        "images.csv",
        "images_task1.png",
        "images_task2.png",
        "participants.csv",
        "rates.csv",
        "report.html",
        "table.tex",
    ]


def test_the_rates_are_the_plain_means_of_the_kept_answers(out):
    answers = pd.read_csv(out.parent / "responses.csv")
    kept = answers[answers["excluded"] == 0]
    expected = kept.groupby(["task", "system"])["fooled"].mean()
    rates = pd.read_csv(out / "rates.csv").set_index(["task", "system"])
    pd.testing.assert_series_equal(rates["rate"], expected, check_names=False)
    everything = answers.groupby(["task", "system"])["fooled"].mean()
    pd.testing.assert_series_equal(rates["rate_with_excluded"], everything, check_names=False)
    assert (rates["low"] < rates["rate"]).all()
    assert (rates["rate"] < rates["high"]).all()


def test_json_and_csv_say_the_same(out):
    whole = json.loads((out / "analysis.json").read_text())
    rates = pd.read_csv(out / "rates.csv").set_index(["task", "system"])
    assert whole["version"] == 1
    for task in whole["tasks"]:
        for name, system in task["systems"].items():
            top = system["rate"]["headline"]
            row = rates.loc[(task["task"], name)]
            assert (row["rate"], row["low"], row["high"]) == pytest.approx(
                (top["rate"], top["low"], top["high"])
            )


def test_the_report_holds_everything_in_one_file(out):
    page = (out / "report.html").read_text()
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]+"', page)
    assert page.count("<svg") == 4  # bars, two of images, exposure
    assert page.count('src="data:image/png;base64,') == 2
    assert "simulated observers" in page
    assert "not sealed" in page
    assert "published by Saharia" in page
    assert "29.3 ?" in page  # the one unverified value carries its mark
    assert "None" not in re.sub(r"<svg.*?</svg>", "", page, flags=re.S)
    assert "nan" not in re.sub(r"<svg.*?</svg>|base64,[^\"]+", "", page, flags=re.S)


def test_names_cannot_inject_markup(tmp_path):
    frame = study_frame(rates={"<script>alert(1)</script>": 0.4, "a&b": 0.3})
    frame.to_csv(tmp_path / "r.csv", index=False)
    assert main(["analyse", str(tmp_path / "r.csv"), "--out", str(tmp_path), "--draws", "100"]) == 0
    assert "<script" not in (tmp_path / "report.html").read_text()


def test_the_same_data_give_the_same_bytes(tmp_path):
    study_frame().to_csv(tmp_path / "r.csv", index=False)
    for name in ("a", "b"):
        argv = [str(tmp_path / "r.csv"), "--out", str(tmp_path / name), "--draws", "100"]
        assert main(["analyse", *argv]) == 0
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


@pytest.mark.latex
def test_the_table_compiles(out, tmp_path):
    engine = shutil.which("pdflatex")
    if engine is None:
        if os.environ.get("REQUIRE_LATEX") == "1":
            pytest.fail("no pdflatex on this machine, and REQUIRE_LATEX=1")
        pytest.skip("NO LATEX ENGINE: the table was not compiled")
    source = (
        r"\documentclass{article}\usepackage{booktabs}\begin{document}"
        + (out / "table.tex").read_text()
        + r"\end{document}"
    )
    (tmp_path / "t.tex").write_text(source)
    done = subprocess.run(
        [engine, "-interaction=nonstopmode", "-halt-on-error", "t.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()[-500:]


def test_the_table_has_the_shape_of_figures_9_and_10(tmp_path):
    study_frame().to_csv(tmp_path / "r.csv", index=False)
    analysis = analyse(load(str(tmp_path / "r.csv"), "sqlite:///none.db"), Settings(draws=100))
    text = to_latex(analysis, published_for("sr3-faces"))
    lines = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert lines[0] == r" & Regression & SR3 \\"
    assert [line.split(" & ")[0] for line in lines[1:]] == [
        "Task-1",
        "",
        r"\quad published",
        "Task-2",
        "",
        r"\quad published",
    ]
    assert r"\textit{29.3}$^\dagger$ & \textit{54.1}" in lines[3]
    assert r"\textit{15.3} & \textit{47.4}" in lines[6]


def test_latex_specials_are_escaped():
    assert escape("a_b&50%") == r"a\_b\&50\%"


def test_the_published_rates_are_marked_by_source():
    rates = {(r.study, r.task, r.system): r for r in load_published()}
    assert len(rates) == 12
    assert rates["sr3-faces", "task1", "SR3"].rate == 0.541
    assert rates["sr3-imagenet-arxiv", "task2", "Regression"].rate == 0.134
    unverified = [key for key, rate in rates.items() if not rate.verified]
    assert unverified == [("sr3-faces", "task1", "Regression")]
    assert default_key("sr3-faces") == "sr3-faces"
    assert default_key("my-own") == "none"
    with pytest.raises(InputError, match="found published study 'paper'"):
        published_for("paper")


def test_the_sheet_shows_the_extremes_once_each(out):
    images = pd.read_csv(out / "images.csv")
    one = images[(images["task"] == "task1") & (images["system"] == "SR3")]
    best, worst = extremes(one, 4)
    assert best["shrunk"].min() >= worst["shrunk"].max()
    assert not set(best["image"]) & set(worst["image"])
    assert best["shrunk"].iloc[0] == one["shrunk"].max()
    assert worst["shrunk"].iloc[0] == one["shrunk"].min()
    page = Image.open(out / "best_and_worst_task1.png")
    colours = {colour for _, colour in page.getcolors(1 << 20)}
    first = int(best["image"].iloc[0][-4:])
    assert (first * 15, 0, 100) in colours  # its reference
    assert (first * 15, 120, 100) in colours  # and the output of SR3


def test_a_missing_picture_is_named(tmp_path):
    frame = study_frame()
    frame.to_csv(tmp_path / "r.csv", index=False)
    stimuli = stimulus_folder(tmp_path / "stimuli", systems=("SR3",))
    argv = [str(tmp_path / "r.csv"), "--out", str(tmp_path / "o"), "--stimuli", str(stimuli)]
    with pytest.raises(InputError, match="found no Regression of image"):
        main(["analyse", *argv, "--draws", "100"])
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    "text",
    [
        "participant,image,system,chosen\nann,cat,S,real\n",
        "participant,image,system,chosen\nann,cat,S,real\nbob,cat,S,fake\n",
        "participant,image,system,chosen\nann,cat,S,real\nann,dog,S,fake\n",
        "participant,image,system,chosen\nann,cat,S,real\nbob,dog,S,real\n",
        "participant,image,system,chosen\nann,cat,S,fake\nbob,dog,S,fake\nbob,cat,T,real\n",
    ],
    ids=["one answer", "one image", "one participant", "equal answers", "two systems, few cells"],
)
def test_degenerate_data_give_statements_and_files(tmp_path, text, capsys):
    (tmp_path / "r.csv").write_text(text)
    assert main(["analyse", str(tmp_path / "r.csv"), "--out", str(tmp_path), "--draws", "100"]) == 0
    whole = json.loads((tmp_path / "analysis.json").read_text())
    for system in whole["tasks"][0]["systems"].values():
        top = system["rate"]["headline"]
        assert top["statement"]
        assert 0 <= top["low"] <= top["rate"] <= top["high"] <= 1
    assert (
        whole["tasks"][0]["systems"]["S"]["rate"]["headline"]["statement"]
        in capsys.readouterr().out
    )


def test_a_system_whose_every_answer_was_excluded_is_named(tmp_path, capsys):
    frame = study_frame()
    frame.loc[frame["system"] == "SR3", "excluded"] = 1
    frame.to_csv(tmp_path / "r.csv", index=False)
    assert main(["analyse", str(tmp_path / "r.csv"), "--out", str(tmp_path), "--draws", "100"]) == 0
    assert "every answer about SR3 was excluded" in capsys.readouterr().out
    assert "every answer about SR3 was excluded" in (tmp_path / "report.html").read_text()


def test_pooled_exposures_are_said(out):
    assert "rates are over exposures of 1, 3 s together" in (out / "report.html").read_text()


def test_only_excluded_answers_are_refused(tmp_path):
    frame = study_frame().assign(excluded=1, exclusion_reason="failed_checks")
    frame.to_csv(tmp_path / "r.csv", index=False)
    with pytest.raises(InputError, match="0 test trials after exclusions"):
        main(["analyse", str(tmp_path / "r.csv")])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--level", "1.5"], "found level 1.5"),
        (["--margin", "0"], "found margin 0"),
        (["--draws", "3"], "found 3 bootstrap draws"),
        (["--published", "paper"], "found published study"),
        (["--digest", "00"], "no sealed bundle"),
        (["--stimuli", "nowhere"], "found no stimulus manifest"),
    ],
)
def test_bad_options_are_refused(tmp_path, option, message):
    study_frame().to_csv(tmp_path / "r.csv", index=False)
    with pytest.raises(InputError, match=message):
        main(["analyse", str(tmp_path / "r.csv"), *option])


def test_a_margin_of_the_protocol_is_called_declared(tmp_path):
    from twoafc_server.analysis.reading.answers import Source
    from twoafc_server.cli.analyse import parser, settings_of

    protocol = {"study_file": {"rules": {"equivalence_margin": 0.1}}}
    source = Source("bundle", "s", "", True, protocol)
    settings = settings_of(parser().parse_args(["x"]), source)
    assert (settings.margin, settings.margin_origin) == (0.1, "declared in the protocol")
    settings = settings_of(parser().parse_args(["x", "--margin", "0.2"]), source)
    assert settings.margin == 0.2
    assert "not declared" in settings.margin_origin


def test_200_participants_by_100_trials_take_under_ten_seconds(tmp_path):
    frame = simulate_rows(
        Study({"sr3": 0.47}), Observers(), Design(200, 100, 100), np.random.default_rng(0)
    )
    path = tmp_path / "r.csv"
    frame.to_csv(path, index=False)
    start = time.process_time()  # of this process: other jobs on the machine do not count
    analysis = analyse(load(str(path), "sqlite:///none.db"), Settings(draws=10_000))
    to_json(analysis)
    csv_files(analysis)
    assert time.process_time() - start < 10
