"""Every word a participant reads, one file per language, hashed as a whole."""

import hashlib
import json
import string
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from twoafc_server.base.errors import InputError
from twoafc_server.design.stimuli import LOW_RESOLUTION
from twoafc_server.design.study_file import StudyFile

INPUT = "input_"  # before a kind of input: the sections that say what is in the middle
# Fields that any text may use; `wording.values_of` fills them.
COMMON_FIELDS = {
    "institution",
    "researcher",
    "email",
    "ethics",
    "minutes",
    "retention_days",
    "lease",
}


def languages() -> list[str]:
    folder = resources.files(__package__)
    return sorted(e.name[:-5] for e in folder.iterdir() if e.name.endswith(".toml"))


@cache
def language_name(language: str) -> str:
    """What a language calls itself."""
    return shipped(language)["common.language"]


def shipped(language: str) -> dict[str, str]:
    """The texts of a language file by `section.key`."""
    raw = (resources.files(__package__) / f"{language}.toml").read_text("utf-8")
    return {
        f"{section}.{key}": value.strip()
        for section, table in tomllib.loads(raw).items()
        for key, value in table.items()
    }


def differences(language: str, other: str = "en") -> list[str]:
    """What one language file lacks or has too much of against another: keys and placeholders."""
    own, wanted = shipped(language), shipped(other)
    keys = [f"{key}: missing" for key in wanted if key not in own]
    keys += [f"{key}: unknown" for key in own if key not in wanted]
    both = [key for key in wanted if key in own]
    return keys + [f"{k}: other fields" for k in both if _fields(own[k]) != _fields(wanted[k])]


def resolve(study: StudyFile, language: str = "", shown: str = LOW_RESOLUTION) -> dict[str, str]:
    """All texts of a study in one of its languages: the language file, with its overrides.

    Args:
        shown: kind of the systems' input, one of `design.stimuli.INPUTS`, which task 1 shows.

    Raises InputError for an unknown language or an override of a text that does not exist.
    """
    language = language or study.language
    if language not in languages():
        raise InputError(f"found language {language!r}: wanted one of {', '.join(languages())}")
    texts = shipped(language)
    own = study.texts if language == study.language else study.translations.get(language, {})
    unknown = sorted(set(own) - set(texts))
    if unknown:
        raise InputError(f"texts: found unknown {unknown[0]!r}; known are {', '.join(texts)}")
    merged = {**texts, **own}
    for key in own:
        _require_same_fields(key, texts[key], merged[key])
    return _told_of(merged, f"{INPUT}{shown}.")


def _told_of(texts: Mapping[str, str], kind: str) -> dict[str, str]:
    """Texts whole, the words for one kind of input filled in and those for others left out."""
    words = {f"{{{k.removeprefix(kind)}}}": v for k, v in texts.items() if k.startswith(kind)}
    whole = {key: text for key, text in texts.items() if not key.startswith(INPUT)}
    for field, word in words.items():
        whole = {key: text.replace(field, word) for key, text in whole.items()}
    return whole


def _require_same_fields(key: str, shipped: str, own: str) -> None:
    try:
        unknown = _fields(own) - _fields(shipped) - COMMON_FIELDS
    except ValueError as error:
        raise InputError(
            f"texts: {key}: a brace is not closed ({error}); write {{{{ for {{"
        ) from error
    if unknown:
        raise InputError(f"texts: {key}: found unknown field {{{sorted(unknown)[0]}}}")


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def canonical(texts: Mapping[str, str]) -> str:
    return json.dumps(texts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def version_of(texts: Mapping[str, str]) -> str:
    """SHA-256 of the exact texts, stored with each consent and each answer."""
    return hashlib.sha256(canonical(texts).encode()).hexdigest()
