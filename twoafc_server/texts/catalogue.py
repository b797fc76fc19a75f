"""Every word a participant reads, one file per language, hashed as a whole."""

import hashlib
import json
import string
import tomllib
from collections.abc import Mapping
from importlib import resources

from twoafc_server.base.errors import InputError
from twoafc_server.design.study_file import StudyFile

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


def resolve(study: StudyFile) -> dict[str, str]:
    """All texts of a study: its language file, with the study file's overrides.

    Raises InputError for an unknown language or an override of a text that does not exist.
    """
    if study.language not in languages():
        raise InputError(
            f"found language {study.language!r}: wanted one of {', '.join(languages())}"
        )
    raw = (resources.files(__package__) / f"{study.language}.toml").read_text("utf-8")
    texts = {
        f"{section}.{key}": value.strip()
        for section, table in tomllib.loads(raw).items()
        for key, value in table.items()
    }
    unknown = sorted(set(study.texts) - set(texts))
    if unknown:
        raise InputError(f"texts: found unknown {unknown[0]!r}; known are {', '.join(texts)}")
    merged = {**texts, **study.texts}
    for key in study.texts:
        _require_same_fields(key, texts[key], merged[key])
    return merged


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
