"""Outputs that another program made: a folder of images, and what is known of where they are from.

A folder alone is enough; a small manifest beside or instead of it says more:

    folder = "outputs"            # relative to the manifest; not needed inside the folder itself
    title = "My network"
    citation = "Doe et al. 2026"
    licence = "CC-BY-4.0"
    made = "repository X at commit Y, Pillow bicubic LR, PNG"
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baselines.foreign.presets import preset_of
from sr3.base.errors import InputError

MANIFEST = "system.toml"
FIELDS = ("folder", "title", "citation", "home", "licence", "made")


@dataclass(frozen=True)
class Imported:
    """A folder of outputs with its origin; `made` says how, in the words of who made them."""

    name: str
    folder: Path
    title: str
    citation: str
    home: str
    licence: str
    made: str

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What is stored in the record."""
        return {
            "imported": str(self.folder),
            "title": self.title,
            "citation": self.citation,
            "home": self.home,
            "licence": self.licence,
            "made": self.made,
        }


def open_import(name: str, path: Path) -> Imported:
    """Outputs under the row name `name`, from a folder or a manifest.

    Fields that no manifest gives come from the preset of that name, or are said to be unknown.

    Raises:
        InputError: neither a folder nor a manifest, or fields that no manifest has.
    """
    given = _read_manifest(path)
    folder = path if path.is_dir() else path.parent
    folder = folder / str(given.get("folder", "."))
    if not folder.is_dir():
        raise InputError(f"found no folder of outputs at {folder} for system {name}")
    preset = preset_of(name)
    return Imported(
        name=name,
        folder=folder,
        title=given.get("title", preset.title if preset else name),
        citation=given.get("citation", preset.citation if preset else "not given"),
        home=given.get("home", preset.home if preset else "not given"),
        licence=given.get("licence", preset.licence if preset else "not given"),
        made=given.get("made", "not given"),
    )


def _read_manifest(path: Path) -> dict[str, str]:
    manifest = path / MANIFEST if path.is_dir() else path
    if not manifest.is_file():
        if path.is_dir():
            return {}
        raise InputError(f"found nothing at {path}, wanted a folder of outputs or a manifest")
    try:
        content = tomllib.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"found no readable manifest at {manifest} ({error})") from error
    unknown = sorted(content.keys() - set(FIELDS))
    if unknown:
        raise InputError(
            f"found unknown fields {', '.join(unknown)} in {manifest}, wanted {', '.join(FIELDS)}"
        )
    return {key: str(value) for key, value in content.items()}
