"""The programs that pip installs: each command answers alike by its name and by `python -m`."""

import importlib
import pkgutil
import re
import runpy
import sys
import tomllib
from pathlib import Path

import pytest

import bench.__main__ as bench_commands
import sr3.__main__ as sr3_commands
import twoafc_server.__main__ as study_commands
from sr3.base.errors import run_command

ROOT = Path(__file__).parents[1]
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
COMMANDS = {"sr3": sr3_commands, "sr3bench": bench_commands, "twoafc": study_commands}
EVERY = [(program, name) for program, made in COMMANDS.items() for name in made.COMMANDS]


def by_name(program, *words):
    """What pip's script of that name does, as (words of the command line, call)."""
    module, _, function = SCRIPTS[program].partition(":")
    return [f"/venv/bin/{program}", *words], getattr(importlib.import_module(module), function)


def by_module(program, name, *words):
    """`python -m` of the same command, as (words of the command line, call)."""
    package = SCRIPTS[program].partition(".")[0]
    if program == "twoafc":
        argv, module = [f"{package}/__main__.py", name, *words], package
    else:
        argv, module = [f"{package}/{name}.py", *words], f"{package}.{name}"
    return argv, lambda: runpy.run_module(module, run_name="__main__")


@pytest.fixture
def answer(monkeypatch, capsys):
    """(exit code, what it printed) of a command line, its words joined by single spaces."""

    def give(argv, call):
        monkeypatch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit) as stop:
            call()
        told = capsys.readouterr()
        return stop.value.code or 0, " ".join((told.out + told.err).split())

    return give


def called(program, name):
    package = SCRIPTS[program].partition(".")[0]
    return f"python -m {package}{' ' if program == 'twoafc' else '.'}{name}"


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize(("program", "name"), EVERY)
def test_both_forms_answer_alike(answer, program, name):
    code, text = answer(*by_name(program, name, "--help"))
    assert code == 0
    usage = f"usage: {program} {name}"
    assert text.startswith(usage)
    other, told = answer(*by_module(program, name, "--help"))
    assert other == 0
    assert told.startswith(f"usage: {called(program, name)}")
    assert text.replace(usage, "") == told.replace(f"usage: {called(program, name)}", "")

    wrong, complaint = answer(*by_name(program, name, "--no-such-option"))
    same = answer(*by_module(program, name, "--no-such-option"))
    assert wrong == 2
    replaced = complaint.replace(f"{program} {name}", called(program, name))
    assert same == (wrong, replaced)


@pytest.mark.parametrize("program", COMMANDS)
def test_the_list_names_every_command_and_an_unknown_one_is_one_line(answer, program):
    for words, wanted in ((["--help"], 0), ([], 2)):
        code, text = answer(*by_name(program, *words))
        assert code == wanted
        assert text.startswith(f"usage: {program} COMMAND")
        assert all(f" {name} " in text for name in COMMANDS[program].COMMANDS)
    code, text = answer(*by_name(program, "trian"))
    assert code == 2
    assert text.startswith("error: found no command 'trian': wanted one of ")


@pytest.mark.parametrize("program", ["sr3", "sr3bench"])
def test_what_lies_at_the_top_of_a_package_is_its_commands(program):
    package = importlib.import_module(SCRIPTS[program].partition(".")[0])
    modules = {m.name for m in pkgutil.iter_modules(package.__path__) if not m.ispkg}
    assert modules - {"__main__"} == set(COMMANDS[program].COMMANDS)


def test_a_missing_library_is_one_line_and_a_missing_file_of_ours_is_a_fault(answer, monkeypatch):
    for name in ("tqdm", "sr3.train"):
        monkeypatch.setitem(sys.modules, name, None)
    code, text = answer(["sr3"], lambda: run_command(lambda: importlib.import_module("tqdm")))
    assert code == 2
    assert text == (
        "error: found no tqdm, wanted the bench extra: pip install 'sr3bench[bench]' "
        "(or `make bench` in a checkout)"
    )
    with pytest.raises(ModuleNotFoundError):
        run_command(lambda: importlib.import_module("sr3.train"))


def test_what_the_page_for_contributors_names_is_there():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = re.findall(r"(?<![\w./<])((?:\w+/)+[\w.]+\.(?:py|md))", page)
    assert len(paths) >= 5
    assert [path for path in paths if not (ROOT / path).exists()] == []
    named = re.findall(r"\b(sr3|sr3bench|twoafc) ([a-z]+)\b", page)
    assert len(named) >= 5
    assert [pair for pair in named if pair not in EVERY] == []
