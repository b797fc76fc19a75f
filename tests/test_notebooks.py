"""The notebooks in examples/ run as they stand, and show what they compute."""

import json
import re

import notebooks
import pytest

MOST_BYTES = 300_000
NUMBER = re.compile(r"-?\d+\.?\d*(?:e[-+]?\d+)?")


def texts(book):
    """What the cells print or return, as text; objects and pictures by their kind alone."""
    found = []
    for cell in book.cells:
        for output in cell.get("outputs", []):
            assert output.output_type in ("stream", "execute_result"), output
            if output.output_type == "execute_result" or output.name == "stdout":
                text = output.get("text") or output.data["text/plain"]
                found.append("".join(text))
    return found


def numbers(shown):
    return [float(number) for text in shown for number in NUMBER.findall(text)]


@pytest.mark.parametrize("name", notebooks.names())
@pytest.mark.filterwarnings("ignore::DeprecationWarning:jupyter_client")
def test_a_notebook_shows_what_it_computes(name):
    """Numbers may differ in their last digits from machine to machine; `python
    tests/support/notebooks.py` stores them anew."""
    stored, found = texts(notebooks.read(name)), texts(notebooks.executed(name))
    assert [NUMBER.sub("#", text) for text in found] == [NUMBER.sub("#", text) for text in stored]
    assert numbers(found) == pytest.approx(numbers(stored), rel=0.02, abs=0.02)


@pytest.mark.parametrize("name", notebooks.names())
def test_a_stored_notebook_is_small_and_tidy(name):
    path = notebooks.FOLDER / f"{name}.ipynb"
    assert path.stat().st_size < MOST_BYTES
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert sum("image/png" in o.get("data", {}) for c in cells for o in c["outputs"]) >= 1


def test_there_are_notebooks():
    assert len(notebooks.names()) >= 2
