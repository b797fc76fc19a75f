"""The fool rates that SR3 published, to print beside one's own and never instead of them."""

import json
from dataclasses import dataclass
from importlib import resources

from twoafc_server.base.errors import InputError


@dataclass(frozen=True)
class Published:
    """One published fool rate.

    Attributes:
        study: key of the published study, equal to the preset's name.
        task: `task1` or `task2`.
        system: the name in the paper.
        rate: in 0..1.
        verified: read in the source; otherwise from memory and shown with a mark.
    """

    study: str
    task: str
    system: str
    exposure_ms: float
    rate: float
    source: str
    verified: bool


def load_published() -> tuple[Published, ...]:
    """All published rates that ship with the package."""
    text = (resources.files(__package__) / "published.json").read_text("utf-8")
    return tuple(Published(**row) for row in json.loads(text)["rates"])


def published_for(key: str) -> tuple[Published, ...]:
    """The rates of one published study.

    key: its name; `none` and names of other studies give none, an unknown name is an error.
    """
    if key == "none":
        return ()
    rates = load_published()
    known = sorted({rate.study for rate in rates})
    if key not in known:
        raise InputError(f"found published study {key!r}, wanted one of {', '.join(known)}, none")
    return tuple(rate for rate in rates if rate.study == key)


def default_key(study: str) -> str:
    """The published study that a study of this name follows, else `none`."""
    known = {rate.study for rate in load_published()}
    return study if study in known else "none"


def find(rates: tuple[Published, ...], task: str, system: str) -> Published | None:
    """The published rate of a system, names compared without case."""
    for rate in rates:
        if (rate.task, rate.system.lower()) == (task, system.lower()):
            return rate
    return None
