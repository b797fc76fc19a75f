"""docs/sample.md is held to the commands it describes."""

import argparse
import re
from pathlib import Path

import pytest

from sr3 import sample, search
from sr3.diffusion import samplers

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "sample.md").read_text()


def options_of(parse, monkeypatch):
    """Option strings of a command, read off its parser."""
    found = []

    def capture(self, argv=None):
        found.extend(s for action in self._actions for s in action.option_strings)
        raise SystemExit

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", capture)
    with pytest.raises(SystemExit):
        parse([])
    return {option for option in found if option.startswith("--")} - {"--help"}


@pytest.mark.parametrize("parse", [sample.parse, search.parse], ids=["sample", "search"])
def test_every_option_is_described(parse, monkeypatch):
    missing = {o for o in options_of(parse, monkeypatch) if o not in TEXT}
    assert not missing


def test_no_option_is_described_that_is_not_there(monkeypatch):
    known = options_of(sample.parse, monkeypatch) | options_of(search.parse, monkeypatch)
    known |= {"--nproc-per-node", "--plan", "--threads"}  # of torchrun and of benchmarks/sample.py
    assert set(re.findall(r"--[a-z][a-z-]+", TEXT)) <= known


def test_every_sampler_is_described():
    assert all(f"`{name}`" in TEXT for name in samplers.INFO)


def test_every_picture_is_there():
    pictures = re.findall(r"\]\((images/[^)]+)\)", TEXT)
    assert len(pictures) >= 10
    assert [p for p in pictures if not (ROOT / "docs" / p).is_file()] == []
