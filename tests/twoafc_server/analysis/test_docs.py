"""docs/analysis.md held to the code: its commands parse, its files and numbers are real."""

import json
import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from twoafc_server.analysis.reading.foreign import MODEL_WORDS, REFERENCE_WORDS
from twoafc_server.analysis.reading.published import load_published
from twoafc_server.cli import analyse as analysis_cli
from twoafc_server.cli import power as power_cli
from twoafc_server.cli import simulate as simulate_cli
from twoafc_server.simulation.observers import Observers

DOC = Path(__file__).parents[3] / "docs" / "analysis.md"
PARSERS = {
    "analyse": analysis_cli.parser,
    "power": power_cli.parser,
    "simulate": simulate_cli.parser,
}
TEXT = DOC.read_text(encoding="utf-8")


def commands():
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, flags=re.S)).replace("\\\n", " ")
    lines = [line.partition("   #")[0] for line in blocks.splitlines()]
    return [line for line in lines if "-m twoafc_server" in line and "..." not in line]


@pytest.mark.parametrize("command", commands())
def test_every_command_of_the_page_parses(command):
    words = shlex.split(command, comments=True)
    name, argv = words[3], words[4:]
    assert vars(PARSERS[name]().parse_args(argv))  # a command that does not parse exits


def test_the_page_has_commands():
    assert {shlex.split(command)[3] for command in commands()} == set(PARSERS)


def test_every_flag_that_the_page_names_exists():
    simulate = (Path(simulate_cli.__file__)).read_text(encoding="utf-8")
    flags = [f"--{field.name.replace('_', '-')}" for field in fields(Observers)]
    helps = "".join(make().format_help() for make in PARSERS.values()) + simulate + "".join(flags)
    prose = re.sub(r"```.*?```", "", TEXT, flags=re.S)
    # Flags of other programs that the page names.
    others = {"--studies", "--seed", "--only", "--run", "--study"}
    named = set(re.findall(r"(--[a-z][a-z-]+)", prose)) - others
    assert {flag for flag in named if flag not in helps} == set()


def test_every_picture_is_there():
    pictures = re.findall(r"\]\((images/[^)]+)\)", TEXT)
    assert len(pictures) == 4
    assert all((DOC.parent / picture).is_file() for picture in pictures)


def test_the_words_of_a_plain_table_are_those_of_the_code():
    sentence = TEXT[TEXT.index("- A plain table") : TEXT.index("- The result file")]
    words = set(re.findall(r"`([^`]+)`", sentence))
    assert words >= MODEL_WORDS | REFERENCE_WORDS


def test_the_recorded_coverage_is_within_what_was_promised():
    rows = [line.split("|") for line in TEXT.splitlines() if re.match(r"\| \d+ x \d+ of", line)]
    coverage = [float(row[4]) for row in rows if len(row) == 10]
    rejections = [float(row[4]) for row in rows if len(row) == 8]
    assert len(coverage) == 44
    assert all(94 <= share <= 97 for share in coverage)
    assert len(rejections) == 12
    assert all(4 <= share <= 6 for share in rejections)


def test_the_recorded_spreads_are_the_default_ones():
    default = Observers()
    assert f"{default.participant_sd} and {default.image_sd} are the ones" in TEXT.replace(
        "\n", " "
    )


PUBLISHED = DOC.parents[1] / "results" / "published"


@pytest.mark.parametrize(
    ("study", "file"), [("sr3-faces", "study-faces"), ("sr3-imagenet-arxiv", "study-imagenet")]
)
@pytest.mark.parametrize("task", ["task1", "task2"])
def test_the_published_rates_are_those_of_the_benchmarks_data(study, file, task):
    rows = json.loads((PUBLISHED / f"{file}-{task}.json").read_text())["rows"]
    theirs = {
        row["system"]: (value["value"], value["verified"])
        for row in rows
        for value in row["values"].values()
    }
    ours = {
        rate.system: (rate.rate, rate.verified)
        for rate in load_published()
        if (rate.study, rate.task) == (study, task)
    }
    assert ours == theirs


def test_the_published_values_are_data_with_sources():
    assert "published.json" in TEXT
    assert all(rate.source for rate in load_published())
