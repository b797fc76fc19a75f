"""docs/study.md is held to the code: presets, fields, variables, commands, pictures, claims."""

import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_type_hints

from twoafc_server.__main__ import COMMANDS
from twoafc_server.base import environment
from twoafc_server.cli.demo import demo_study
from twoafc_server.design.study_file import StudyFile, load, presets
from twoafc_server.storage.states import TURNED_AWAY
from twoafc_server.web.participant.composite import geometry, render

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "study.md").read_text()
ALL = TEXT + "".join((ROOT / "docs" / f"{n}.md").read_text() for n in ("hosting", "platforms"))


def test_every_preset_is_listed_with_its_exposures():
    for name in presets():
        row = next(line for line in TEXT.splitlines() if line.startswith(f"| `{name}`"))
        seconds = ", ".join(f"{ms / 1000:g}" for ms in load(name).timing.exposures_ms)
        assert f"| {seconds} s |" in row


def all_fields(cls: type, prefix: str = "") -> set[str]:
    found = set()
    for field in fields(cls):
        hint = get_type_hints(cls)[field.name]
        found.add(prefix + field.name)
        if is_dataclass(hint):
            found |= all_fields(hint, f"{prefix}{field.name}.")
    return found


def test_every_named_field_exists():
    known = all_fields(StudyFile)
    table = TEXT.split("| field | meaning |")[1].split("\n\n")[0]
    named = re.findall(
        r"`\[?\[?([a-z_.*]+)\]?\]?`",
        "".join(r.split("|")[1] for r in table.splitlines() if r.count("|") > 2),
    )
    assert len(named) > 12
    for name in named:
        assert name.removesuffix(".*") in known, name


def test_every_variable_is_explained_and_no_other():
    ours = {value for value in vars(environment).values() if str(value).startswith("TWOAFC_")}
    assert len(ours) == 13
    assert set(re.findall(r"TWOAFC_[A-Z_]+", ALL)) == ours


def test_every_command_named_exists():
    named = set(re.findall(r"twoafc_server ([a-z]+)", ALL))
    assert named <= set(COMMANDS)
    assert {"demo", "create", "serve", "check", "retain", "db", "admin"} <= named


def test_every_picture_is_there_and_shown():
    shown = set(re.findall(r"\]\((images/study/[a-z0-9-]+\.png)\)", TEXT))
    there = {f"images/study/{p.name}" for p in (ROOT / "docs/images/study").glob("*.png")}
    assert shown == there


def test_every_way_out_has_a_code_of_its_own_and_is_named():
    codes = all_fields(StudyFile)
    for outcome in (*TURNED_AWAY, "completed", "failed_checks", "withdrawn", "expired", "full"):
        assert f"platform.codes.{outcome}" in codes
        assert f"`{outcome}`" in TEXT


def test_the_sizes_named_are_those_of_the_composites():
    import numpy as np

    for side, megabytes in ((128, 0.15), (256, 0.6)):
        assert f"{megabytes} MB" in TEXT
        plain = np.zeros((side, side, 3), np.uint8)
        made = render(plain, plain, plain, demo_study().display)
        layout = geometry((side, side), demo_study().display, with_lr=True)
        assert abs(len(made) - 3 * layout.width * layout.height) < 3000
        assert abs(len(made) / 1e6 - megabytes) < 0.03
