"""The programs that pip installs: each command answers alike by its name and by `python -m`."""

import argparse
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


class Built(BaseException):
    """A command built its parser: the walk needs no more of it."""


def parsers(program, name, monkeypatch):
    """The parser of a command and those of its subcommands, by the words that call them."""

    def stop(parser, *_, **__):
        raise Built(parser)

    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", [program, name])
        patch.setattr(argparse.ArgumentParser, "parse_args", stop)
        with pytest.raises(Built) as built:
            by_name(program, name)[1]()
    left = {f"{program} {name}": built.value.args[0]}
    while left:
        words, parser = left.popitem()
        yield words, parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                left |= {f"{words} {word}": below for word, below in action.choices.items()}


def faults(words, parser):
    """Options and arguments that do not say what they are, or not their default."""
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction | argparse._SubParsersAction):
            continue
        told = parser._get_formatter()._expand_help(action) if action.help else ""
        name = f"{words} {action.option_strings[-1] if action.option_strings else action.dest}"
        if not told:
            yield f"{name} has no help"
        is_value = action.default not in (None, argparse.SUPPRESS, "", (), [], frozenset())
        if is_value and not isinstance(action.default, bool) and str(action.default) not in told:
            yield f"{name} does not show its default {action.default}"


@pytest.mark.parametrize(("program", "name"), EVERY)
def test_every_option_says_what_it_is_and_its_default(program, name, monkeypatch):
    found = [f for words, p in parsers(program, name, monkeypatch) for f in faults(words, p)]
    assert found == []


def test_the_walk_finds_options_without_help_and_defaults_that_are_not_shown():
    parser = argparse.ArgumentParser()
    parser.add_argument("--silent", default=3)
    parser.add_argument("--told", default=3, help="a number")
    parser.add_argument("--good", default=3, help="a number (default: 3)")
    parser.add_argument("--flag", action="store_true", help="a switch")
    assert list(faults("x", parser)) == [
        "x --silent has no help", "x --silent does not show its default 3",
        "x --told does not show its default 3",
    ]  # fmt: skip


def test_every_option_of_a_training_tells_a_default(monkeypatch):
    ((_, parser),) = parsers("sr3", "train", monkeypatch)
    formatter = parser._get_formatter()
    told = {a.dest: formatter._expand_help(a) for a in parser._actions if a.dest != "help"}
    assert len(told) > 20
    assert [name for name, text in told.items() if "default" not in text] == []


def test_options_of_a_run_are_grouped(monkeypatch):
    ((_, parser),) = parsers("sr3bench", "run", monkeypatch)
    groups = {g.title: len(g._group_actions) for g in parser._action_groups}
    assert list(groups)[2:] == ["data", "systems", "sampling", "output", "machine"]
    assert groups["options"] == 1  # --help
    assert min(groups[title] for title in list(groups)[2:]) > 1


def test_what_the_page_for_contributors_names_is_there():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = re.findall(r"(?<![\w./<])((?:\w+/)+[\w.]+\.(?:py|md))", page)
    assert len(paths) >= 5
    assert [path for path in paths if not (ROOT / path).exists()] == []
    named = re.findall(r"\b(sr3|sr3bench|twoafc) ([a-z]+)\b", page)
    assert len(named) >= 5
    assert [pair for pair in named if pair not in EVERY] == []
