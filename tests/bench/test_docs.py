"""docs/benchmark.md held to the code: options, metrics, suites and presets, all and no others."""

import re
from pathlib import Path

import pytest

from baselines.foreign.presets import PRESETS
from bench import data, run
from bench.metrics.protocol import metric_names
from bench.suites.protocol import suite_names

TEXT = (Path(__file__).parents[2] / "docs/benchmark.md").read_text(encoding="utf-8")


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)[1]


def options(parse, capsys, *arguments):
    with pytest.raises(SystemExit):
        parse([*arguments, "--help"])
    return set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out)) - {"--help"}


def test_every_option_of_run_is_documented_and_none_is_invented(capsys):
    known = options(run.parse, capsys)
    assert set(re.findall(r"`(--[a-z-]+)", section("Options of `bench.run`"))) == known


def test_options_of_data_exist(capsys):
    known = set().union(*(options(data.parse, capsys, c) for c in ("verify", "prepare")))
    used = re.findall(r"bench\.data (?:verify|prepare)[^\n]*", TEXT)
    assert {o for line in used for o in re.findall(r"--[a-z-]+", line)} <= known
    assert "--skip-bad" in known


def test_every_metric_is_documented_and_none_is_invented():
    rows = re.findall(r"^\| (`[^|]*`) \|", section("Metrics"), re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`([a-z0-9_]+)`", row)}
    assert documented == set(metric_names())


def test_every_suite_and_preset_is_named():
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|", section("Suites"), re.MULTILINE)
    assert set(rows) == set(suite_names())
    assert all(name in section("Other systems") for name in PRESETS)


def test_pictures_and_pages_that_are_linked_exist():
    docs = Path(__file__).parents[2] / "docs"
    for name in ("benchmark.md", "adding.md"):
        text = (docs / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!http)([^)#]+)", text):
            assert (docs / target).is_file(), f"{name} links to {target}"
