"""docs/sets.md: its commands run, its tables name what there is."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

from bench.doctor.generated import CHECKS, NEAR_DB
from bench.metrics.protocol import load_metric, metric_names
from bench.statistics.neighbours import LIMIT
from bench.suites.protocol import load_suite, suite_names

PAGE = (Path(__file__).parents[2] / "docs" / "sets.md").read_text(encoding="utf-8")
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()
]


def names_in(section):
    rows = re.findall(r"^\| (`[^|]*`) \|", section, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([a-z0-9_-]+)`", row)}


@pytest.mark.usefixtures("quick_network")
def test_the_commands_run(images, monkeypatch, tmp_path, capsys):
    folders = ("HELD_OUT", "GENERATED", "BICUBIC", "TRAINED_ON")
    for number, name in enumerate(folders):
        images(name, 13, first=100 * number)
    monkeypatch.chdir(tmp_path)
    for line in COMMANDS:
        python, option, module, *arguments = shlex.split(line)
        assert (python, option) == ("python", "-m")
        assert importlib.import_module(module).main(arguments) == 0, line
    assert Path("results/runs/cascade-faces/nearest-mine.png").is_file()


def test_suites_metrics_and_checks_are_those_of_the_code():
    suites, metrics, doctor = (
        re.search(rf"{start}(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)[1]
        for start in ("# Pictures without a reference", "## Metrics", "## The doctor")
    )
    assert names_in(suites) == {n for n in suite_names() if load_suite(n).suite.unpaired}
    used = {m for name in names_in(suites) for m in load_suite(name).suite.metrics}
    assert names_in(metrics) <= set(metric_names())
    offline = {name for name in used if not name.endswith("_efficientnet_lite0")}
    assert offline <= names_in(metrics)
    assert all(load_metric(m).unpaired or load_metric(m).per_reference for m in used)
    assert names_in(doctor) == set(CHECKS)
    assert f"{NEAR_DB:.0f} dB" in doctor
    assert f"first {LIMIT}" in metrics
