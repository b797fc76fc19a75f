"""docs/design.md, "One batch through a training", held to what one batch does."""

import re
import sys
from pathlib import Path

from sr3 import train
from sr3.training import run  # noqa: F401  (imported before its calls are noted)

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/design.md").read_text(encoding="utf-8")
STEP = re.compile(r"^\d+\. (?:`([\w/]+\.py)`|The same file), `([\w.]+)`", re.MULTILINE)
MOST_STEPS = 10
OURS = f"{ROOT / 'sr3'}/"


def steps_of_the_page():
    """(file, function) of each step."""
    section = PAGE.partition("## One batch through a training\n")[2].partition("\n## ")[0]
    found, file = [], ""
    for named, function in STEP.findall(section):
        file = named or file
        found.append((file, function))
    assert len(found) == len(re.findall(r"^\d+\. ", section, re.MULTILINE))
    return found


def test_a_batch_goes_the_way_that_the_page_describes(faces, tmp_path):
    calls = []

    def note(frame, _event, _argument):
        if frame.f_code.co_filename.startswith(OURS):
            calls.append((frame.f_code.co_filename.removeprefix(OURS), frame.f_code.co_qualname))

    settings = ["steps=1", "batch_size=2", "holdout=2", "sample_steps=1"]
    before = sys.gettrace()
    sys.settrace(note)
    try:
        train.main(
            ["tiny", "--data", str(faces), "--out", str(tmp_path / "run"), "--device", "cpu",
             "--logger", "none", *(x for s in settings for x in ("--set", s))]
        )  # fmt: skip
    finally:
        sys.settrace(before)
    wanted = steps_of_the_page()
    assert 5 < len(wanted) <= MOST_STEPS
    rest = iter(calls)
    assert [step for step in wanted if step not in rest] == [], "in this order"
