"""docs/adding.md, tried: each of its examples is one file, in the package or outside it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench import run as command
from bench.records.record import read_images, read_record

ROOT = Path(__file__).parents[2]


def example(name):
    text = (ROOT / "docs/adding.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", text, re.DOTALL)
    assert found, name
    return found[1]


@pytest.fixture
def files(tmp_path):
    """The three examples as files of a user."""
    paths = {}
    for kind, name in (("metric", "mae"), ("system", "sharpened"), ("suite", "face4x")):
        paths[kind] = tmp_path / f"{name}.py"
        paths[kind].write_text(example(kind), encoding="utf-8")
    return paths


def test_a_metric_a_system_and_a_suite_from_outside_the_package(files, tmp_path, capsys):
    arguments = [
        "--suite", str(files["suite"]), "--systems", f"bicubic,{files['system']}",
        "--metrics", f"psnr,{files['metric']}", "--limit", "3", "--out", str(tmp_path / "runs"),
    ]  # fmt: skip
    assert command.main(arguments) == 0
    assert "MAE" in capsys.readouterr().out
    folder = tmp_path / "runs/face4x"
    assert read_record(folder / "sharpened.json").source == "unsharp mask"
    stems, values = read_images(folder, "sharpened")
    for stem, value in zip(stems, values["mae"], strict=True):
        with Image.open(folder / f"images/sharpened/{stem}.png") as image:
            sr = np.asarray(image).astype(float)
        with Image.open(ROOT / f"bench/embedded/faces-rendered/{stem}.png") as image:
            hr = np.asarray(image).astype(float)
        assert value == pytest.approx(np.abs(sr - hr).mean())


def test_tables_and_report_find_a_users_metric_again(files, tmp_path):
    from bench import tables
    from bench.reporting.page import write_page

    command.main(["--suite", str(files["suite"]), "--metrics", f"psnr,{files['metric']}",
                  "--limit", "3", "--out", str(tmp_path / "runs")])  # fmt: skip
    folder = tmp_path / "runs/face4x"
    assert "MAE" in write_page(folder, tmp_path / "r.html").read_text()
    tables.main([str(folder)])
    assert "MAE" in (folder / "tables/suite.tex").read_text()


@pytest.fixture
def copied(tmp_path):
    """A copy of the packages that bench needs, without weights."""
    source = tmp_path / "src"
    for package in ("sr3", "baselines", "bench"):
        shutil.copytree(
            ROOT / package, source / package,
            ignore=shutil.ignore_patterns("__pycache__", "weights"),
        )  # fmt: skip
    shutil.copytree(ROOT / "results/published", source / "results/published")
    return source


def in_copy(source, *commands):
    """Run commands of the copy, one after the other in one process; what they said."""
    code = "import importlib\n" + "\n".join(
        f"assert importlib.import_module({module!r}).main({arguments!r}) == 0"
        for module, *arguments in commands
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=source, env=os.environ | {"PYTHONPATH": str(source)},
        capture_output=True, text=True, timeout=800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_file_each_inside_the_package_is_enough(files, copied):
    """Names are found without a register."""
    shutil.copy(files["metric"], copied / "bench/metrics")
    shutil.copy(files["system"], copied / "baselines")
    shutil.copy(files["suite"], copied / "bench/suites")
    options = ["--suite", "face4x", "--systems", "sharpened", "--metrics", "mae", "--limit", "2"]
    in_copy(copied, ["bench.run", *options])
    assert (copied / "results/runs/face4x/sharpened.json").is_file()


def test_a_metric_touches_one_file(files, copied):
    """One file more in the package: run, tables, page, comparison and groups know the metric."""
    before = {path: path.read_bytes() for path in copied.rglob("*.py")}
    shutil.copy(files["metric"], copied / "bench/metrics")
    folder = "results/runs/face8x"
    said = in_copy(
        copied,
        ["bench.run", "--systems", "bicubic,nearest", "--metrics", "psnr,mae", "--limit", "20"],
        ["bench.tables", folder],
        ["bench.report", folder],
        ["bench.compare", folder, "--metrics", "mae"],
        ["bench.groups", folder, "--groups", "embedded", "--table", "mae"],
    )
    assert "MAE" in said
    assert "MAE" in (copied / folder / "tables/suite.tex").read_text()
    assert "MAE" in (copied / folder / "report.html").read_text()
    assert "mae" in (copied / folder / "groups.json").read_text()
    changed = {path for path in copied.rglob("*.py") if before.get(path) != path.read_bytes()}
    assert changed == {copied / "bench/metrics/mae.py"}


def test_a_wrong_name_names_the_metrics_that_there_are(capsys):
    from sr3.base.errors import InputError

    with pytest.raises(InputError, match=r"wanted one of .*psnr"):
        command.main(["--metrics", "nothing", "--dry-run"])


def test_files_without_the_wanted_value_are_refused(tmp_path):
    from bench.metrics.protocol import load_metric
    from bench.suites.protocol import load_suite
    from sr3.base.errors import InputError

    (tmp_path / "empty.py").write_text("")
    for load, wanted in ((load_metric, "METRIC"), (load_suite, "SUITE")):
        with pytest.raises(InputError, match=f"found no value {wanted}"):
            load(str(tmp_path / "empty.py"))
        with pytest.raises(InputError, match="found no file"):
            load(str(tmp_path / "nowhere.py"))
