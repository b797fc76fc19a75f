"""docs/reproduce.md is what kept runs and counted operations say, and its commands are commands."""

import argparse
import importlib
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from bench.suites.protocol import suite_names
from bench.typesetting.paper import LAYOUTS
from sr3.machine.memory import requirement
from sr3.networks.presets import PRESETS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reproduce.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines()]


@pytest.fixture
def reproduce(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("reproduce")


def test_the_page_is_what_the_script_writes(reproduce, capsys):
    assert reproduce.main(["--check"]) == 0, "run `python benchmarks/reproduce.py`"
    assert reproduce.page() == PAGE


def test_every_table_of_the_paper_has_a_section():
    titles = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    for number in range(1, 7):
        assert sum(title.startswith(f"Table {number}: ") for title in titles) == 1
    for number in (9, 11, 12):
        assert any(re.match(rf"Figs?\. {number}\b", title) for title in titles)
    for layout in LAYOUTS:
        assert f"--paper {layout}" in PAGE
    assert len(re.findall("The small version here:", PAGE)) == len(titles)


class UnderstoodError(Exception):
    """Carries what a command line was understood as, instead of doing it."""


@pytest.fixture
def understood(monkeypatch):
    """What a command makes of its arguments."""
    parse = argparse.ArgumentParser.parse_args

    def stop(parser, args=None, namespace=None):
        raise UnderstoodError(parse(parser, args, namespace))

    def ask(main, arguments):
        monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)
        with pytest.raises(UnderstoodError) as found:
            main(arguments)
        return found.value.args[0]

    return ask


@pytest.mark.parametrize("line", sorted(set(COMMANDS)))
def test_every_command_can_be_given(line, understood, monkeypatch):
    words = shlex.split(line)
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return
    if words[1].startswith("benchmarks/"):
        monkeypatch.syspath_prepend(ROOT / "benchmarks")
        module, arguments = Path(words[1]).stem, words[2:]
    else:
        assert words[:2] == ["python", "-m"]
        module, *arguments = words[2:]
    name = "twoafc_server.__main__" if module == "twoafc_server" else module
    parsed = understood(importlib.import_module(name).main, arguments)
    if suite := getattr(parsed, "suite", None):
        assert suite in suite_names()
    if preset := getattr(parsed, "preset", None):
        assert preset in PRESETS


def test_recipes_and_model_sizes_have_a_cost(reproduce):
    for entry in reproduce.entries():
        for work in entry.work:
            assert reproduce.hours(work) > 0
        for recipe in re.findall(r"sr3\.train (\S+)", entry.full):
            path = ROOT / "sr3" / "recipes" / f"{recipe}.toml"
            assert tomllib.loads(path.read_text())["preset"] in reproduce.counts()


def test_the_cost_is_arithmetic(reproduce):
    """256 M pictures of 1.642 TFLOP at 395.6 TFLOP/s."""
    hours = reproduce.hours(reproduce.Work("train", "paper-faces-16-128"))
    assert hours == pytest.approx(256e6 * 1.642143416320e12 / 395.6e12 / 3600)


def test_operations_are_counted_as_kept(reproduce):
    need = requirement(PRESETS["small-gen-16"], averages=2)
    assert reproduce.counts()["small-gen-16"] == {"weights": need.weights, "flops": need.flops}


def test_what_has_no_record_says_so(reproduce, monkeypatch, tmp_path):
    monkeypatch.setattr(reproduce, "KEPT", tmp_path)
    assert reproduce.result(reproduce.Shown("Faces", "cascade-faces")) == (
        "Faces: *not yet measured*."
    )
