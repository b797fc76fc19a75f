"""Other people's answers: a plain table, and the common real-vs-fake tool's result file.

The tool (github.com/phillipi/AMT_Real_vs_Fake, used for colourisation, pix2pix and many others)
has one row per assignment and, per trial n, `Input.gt_sideN` (the side of the real image),
`Input.images_leftN`, `Input.images_rightN` (`folder/number`, the folder naming the algorithm) and
`Answer.selectionN` (the side clicked). Its page asks for the FAKE image and its own scripts count
a trial as fooled when the real image was clicked; pages that ask for the real one exist too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from twoafc_server.analysis.reading.answers import SIDES
from twoafc_server.base.errors import InputError

# What `chosen` may say in a plain table, besides the system's own name.
MODEL_WORDS = frozenset({"model", "output", "fake", "generated", "sr", "1"})
REFERENCE_WORDS = frozenset({"reference", "real", "original", "hr", "gt", "ground_truth", "0"})
PLAIN = ("participant", "image", "system", "chosen")


@dataclass(frozen=True)
class ToolOptions:
    """How the real-vs-fake tool was used.

    Attributes:
        practice: leading trials of each assignment that were practice.
        clicked: what participants were asked to click, `fake` (as the tool ships) or `real`.
    """

    practice: int = 10
    clicked: str = "fake"


def is_plain(columns: list[str]) -> bool:
    """True for a table with participant, image, system and chosen, and no `fooled`."""
    return set(PLAIN) <= set(columns) and "fooled" not in columns


def is_tool(columns: list[str]) -> bool:
    """True for a result file of the real-vs-fake tool."""
    return bool(_trial_numbers(columns))


def from_plain(strings: pd.DataFrame, where: str) -> pd.DataFrame:
    """Turn `chosen` (the system's name, model, reference, ...) into `fooled`; other columns stay.

    Raises:
        InputError: naming the first row whose `chosen` is none of the known words.
    """
    chosen = strings["chosen"].str.strip().str.lower()
    model = chosen.isin(MODEL_WORDS) | (chosen == strings["system"].str.strip().str.lower())
    unknown = ~(model | chosen.isin(REFERENCE_WORDS))
    if unknown.any():
        row = int(unknown.to_numpy().argmax())
        raise InputError(
            f"found chosen {strings['chosen'].iloc[row]!r} in row {row + 1} of {where}, wanted "
            f"the system's name, {', '.join(sorted(MODEL_WORDS))} for the model's output, or "
            f"{', '.join(sorted(REFERENCE_WORDS))} for the reference"
        )
    return strings.drop(columns="chosen").assign(fooled=model.map({True: "1", False: "0"}))


def from_tool(
    strings: pd.DataFrame, options: ToolOptions, where: str
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """One row per answered trial of the tool's file, and notes on what was left out.

    Workers become p1, p2, ... in order of appearance: their ids are personal data.
    """
    if options.clicked not in ("fake", "real"):
        raise InputError(f"found clicked {options.clicked!r}, wanted fake or real")
    workers = _workers(strings)
    numbers = _trial_numbers(list(strings.columns))
    answered = [
        row
        for trial, number in enumerate(numbers, start=1)
        for row in _trial_rows(strings, workers, trial, number, options, where)
    ]
    if not answered:
        raise InputError(f"found 0 answered trials in {where}: wanted left or right in selections")
    missing = len(strings) * len(numbers) - len(answered)
    notes = (f"{missing} trials without an answer were left out",) if missing else ()
    return pd.DataFrame(answered), (_asked(options), *notes)


def _asked(options: ToolOptions) -> str:
    fooled = "real" if options.clicked == "fake" else "fake"
    return (
        f"participants were taken to click the {options.clicked} image (fooled = the {fooled} one "
        f"clicked), with {options.practice} practice trials each"
    )


def _trial_numbers(columns: list[str]) -> list[int]:
    found = (re.fullmatch(r"Input\.gt_side(\d+)", name) for name in columns)
    return sorted(int(match.group(1)) for match in found if match)


def _workers(strings: pd.DataFrame) -> list[str]:
    names = strings.get("WorkerId")
    if names is None:
        return [f"p{number}" for number in range(1, len(strings) + 1)]
    codes, _ = pd.factorize(names)
    return [f"p{code + 1}" for code in codes]


def _trial_rows(
    strings: pd.DataFrame,
    workers: list[str],
    trial: int,
    number: int,
    options: ToolOptions,
    where: str,
) -> Iterator[dict[str, str]]:
    names = [f"Input.gt_side{number}", f"Answer.selection{number}"]
    names += [f"Input.images_{side}{number}" for side in SIDES]
    absent = [name for name in names if name not in strings]
    if absent:
        raise InputError(f"found no column {', '.join(absent)} in {where}")
    status = strings.get("AssignmentStatus", pd.Series([""] * len(strings)))
    columns = (strings[name] for name in names)
    for slot, values in enumerate(zip(*columns, strict=True)):
        real, clicked = (value.strip().lower() for value in values[:2])
        if clicked not in SIDES:
            continue
        if real not in SIDES:
            raise InputError(f"found {names[0]} {real!r} in {where}, wanted left or right")
        paths = dict(zip(SIDES, values[2:], strict=True))
        judged_real = clicked if options.clicked == "real" else _other(clicked)
        rejected = status.iloc[slot].strip().lower() == "rejected"
        yield {
            "participant": workers[slot],
            "slot": str(slot + 1),
            "trial": str(trial),
            "position": str(trial - options.practice if trial > options.practice else trial),
            **_shown(paths[_other(real)], trial, options),
            "side_model": _other(real),
            "chose": judged_real,
            "fooled": "1" if judged_real != real else "0",
            "excluded": "1" if rejected else "0",
            "exclusion_reason": "assignment rejected" if rejected else "",
        }


def _shown(path: str, trial: int, options: ToolOptions) -> dict[str, str]:
    fake = PurePosixPath(path.strip())
    system = str(fake.parent)
    phase = "test"
    if "vigilance" in system.lower():
        phase = "catch"
    elif trial <= options.practice:
        phase = "practice"
    return {"image": fake.stem, "system": system, "phase": phase}


def _other(side: str) -> str:
    return "right" if side == "left" else "left"
