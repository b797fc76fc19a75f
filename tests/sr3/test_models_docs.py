"""docs/models.md is held to the weights files: what they are and how they were trained."""

import re
from pathlib import Path

import pytest

from sr3.networks.checkpoint import shipped
from sr3.networks.description import describe

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
NAMES = ("face8x-regression", "face8x-sr3", "natural4x-regression", "natural4x-sr3")


@pytest.fixture(scope="module")
def trained():
    return {name: describe(shipped(name)) for name in NAMES}


def row(title):
    """Cells of the first table by model; "the same" is its left neighbour's."""
    cells = re.search(rf"^\| {title} \| (.*) \|$", TEXT, re.MULTILINE)[1].split(" | ")
    for place, cell in enumerate(cells):
        if cell == "the same":
            cells[place] = cells[place - 1]
    return dict(zip(NAMES, cells, strict=True))


def test_the_table_names_the_shipped_models_in_order():
    assert f"| | {' | '.join(NAMES)} |" in TEXT


@pytest.mark.parametrize("name", NAMES)
def test_steps_pictures_and_time_are_those_of_the_file(name, trained):
    found = trained[name]
    steps, seen = found["trained: step"], found["trained: pictures_seen"]
    assert re.fullmatch(
        rf"{steps}( of a planned \d+)?, {seen:,}", row("steps, pictures seen")[name]
    )
    minutes = round(found["trained: seconds"] / 60)
    assert row("time of one core")[name].startswith(f"{minutes} min")
    pictures = sum(source["training"] for source in found["trained: data"])
    assert sum(map(int, re.findall(r"\b(\d+) (?!classes)[a-z]", data(name)))) == pictures


def data(name):
    """What a model was trained on; "the same and" adds to the twin's."""
    cells = row("training data")
    twin = cells[name.replace("sr3", "regression")]
    return cells[name].replace("the same and", f"{twin} and")


@pytest.mark.parametrize("name", NAMES)
def test_size_and_sampling_are_those_of_the_file(name, trained):
    found = trained[name]
    count = int(found["values"].split(" ")[0].replace(",", ""))
    assert row("preset, weights")[name].endswith(f"{count / 1e6:.1f} M")
    if name.endswith("sr3"):
        model = found["model"]
        shown = row("default sampling")[name]
        for key in ("temperature", "spread"):
            assert f"{key} {model['extra'][key]:g}" in shown


def test_time_and_size_together(trained):
    seconds = [found["trained: seconds"] for found in trained.values()]
    low, high = (round(edge / 60) for edge in (min(seconds), max(seconds)))
    assert f"trained for {low} to {high} minutes on one CPU core each" in TEXT
    hours = f"{sum(seconds) / 3600:.1f} hours"
    assert f"{hours} together" in TEXT
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"trained in {hours} of one CPU core" in readme
    sizes = [round(shipped(name).stat().st_size / 1e6) for name in NAMES]
    assert f"{min(sizes)} to {max(sizes)} MB each" in TEXT
