"""docs/restoration.md: its degradations, parameters and commands are those of the code."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

from bench import check, data, run
from bench.suites.protocol import load_suite, suite_names
from sr3 import sample, train
from sr3.degradations.protocol import choose, names

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/restoration.md").read_text(encoding="utf-8")
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()
]


def test_every_degradation_is_described_with_its_parameters():
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (.*?) \|$", TEXT, re.MULTILINE))
    assert set(rows) == set(names())
    for name, row in rows.items():
        chosen = choose(name, 4)
        cells = [cell.strip() for cell in row.split("|")]
        found = dict(re.findall(r"`([a-z]+)`, ([0-9.]+)", cells[0]))
        wanted = dict(part.split("=") for part in chosen.text.partition(":")[2].split(",") if part)
        assert found == wanted
        assert cells[2] == ("yes" if chosen.degradation.linear else "no")


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_can_be_given(line, monkeypatch):
    words = shlex.split(line, comments=True)
    if words[1] == "benchmarks/realesrgan.py":
        monkeypatch.syspath_prepend(ROOT / "benchmarks")
        importlib.import_module("realesrgan").parse(words[2:])
        return
    assert words[:2] == ["python", "-m"]
    commands = {"sr3.train": train, "sr3.sample": sample, "bench.run": run}
    parse = (commands | {"bench.data": data, "bench.check": check})[words[2]].parse
    options = parse(words[3:])
    if words[2] == "sr3.train":
        assert train.run_of(options).config.spec.degradation is not None
    if words[2] == "sr3.sample" and options.degradation:
        choose(options.degradation)


def test_every_suite_of_a_degradation_is_described():
    suites = [name for name in suite_names() if load_suite(name).suite.degradation]
    assert len(suites) == 5
    assert all(f"--suite {name}" in TEXT for name in suites)


def test_its_pictures_and_pages_are_there():
    for target in re.findall(r"\]\((?!http)([^)#]+)", TEXT):
        assert (ROOT / "docs" / target).is_file(), target
