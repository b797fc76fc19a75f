"""The stimulus folder: what a benchmark hands over, verified before a study is built on it."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from twoafc_server.base.errors import InputError
from twoafc_server.formats.responses import Phase

LARGEST = 4096
ROLES = ("test", "practice", "catch")
LOW_RESOLUTION = "low_resolution"
INPUTS = (LOW_RESOLUTION, "gray", "holes", "blurred", "compressed", "noisy", "damaged")


@dataclass(frozen=True)
class StimulusFiles:
    """One image: its role and the SHA-256 of each picture."""

    image: str
    role: Phase
    hr: str
    lr: str
    outputs: Mapping[str, str]


@dataclass(frozen=True)
class StimulusFolder:
    """A verified folder. size: (width, height) of hr and outputs; pictures: bytes by SHA-256.

    input: what the systems were given, one of INPUTS; the texts of task 1 say so.
    """

    manifest: str
    systems: tuple[str, ...]
    size: tuple[int, int]
    stimuli: tuple[StimulusFiles, ...]
    pictures: Mapping[str, bytes]
    input: str = LOW_RESOLUTION

    def manifest_sha256(self) -> str:
        return hashlib.sha256(self.manifest.encode()).hexdigest()


def read_stimuli(folder: Path) -> StimulusFolder:
    """Read and verify a stimulus folder.

    Raises InputError if the manifest is malformed, a file is missing or its name is not its
    SHA-256, a picture is not plain 8-bit RGB PNG, or sizes do not match.
    """
    table = _manifest(folder / "manifest.json")
    scale, systems = table["scale"], tuple(table["systems"])
    stimuli = tuple(_stimulus(folder, row, systems) for row in table["stimuli"])
    if len({s.image for s in stimuli}) != len(stimuli):
        raise InputError(f"{folder}: found an image twice in manifest.json")
    pictures: dict[str, bytes] = {}
    sizes: dict[str, tuple[int, int]] = {}
    for sha in sorted({sha for s in stimuli for sha in (s.hr, s.lr, *s.outputs.values())}):
        pictures[sha] = _verified(folder / f"{sha}.png", sha)
        sizes[sha] = _plain_size(folder / f"{sha}.png", pictures[sha])
    size = _common_size(folder, stimuli, sizes, scale)
    canonical = json.dumps(table, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    shown = str(table.get("input", LOW_RESOLUTION))
    return StimulusFolder(canonical, systems, size, stimuli, pictures, shown)


def _manifest(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"found no readable {path} ({error}): make one with `python -m bench.study`"
        ) from error
    if not isinstance(table, dict) or table.get("version") != 1:
        raise InputError(f"{path}: wanted a stimulus manifest of version 1")
    scale, systems, stimuli = table.get("scale"), table.get("systems"), table.get("stimuli")
    if not isinstance(scale, int) or isinstance(scale, bool) or scale < 1:
        raise InputError(f"{path}: found scale {scale!r}, wanted a whole number from 1")
    if not _is_names(systems) or not systems:
        raise InputError(f"{path}: found systems {systems!r}, wanted a list of names")
    shown = table.get("input", LOW_RESOLUTION)
    if shown not in INPUTS:
        raise InputError(f"{path}: found input {shown!r}, wanted one of {', '.join(INPUTS)}")
    if not isinstance(stimuli, list) or not stimuli:
        raise InputError(f"{path}: found no stimuli")
    return table


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) and 0 < len(v) <= 100 for v in value)


def _stimulus(folder: Path, row: Any, systems: tuple[str, ...]) -> StimulusFiles:
    where = f"{folder}/manifest.json"
    if not isinstance(row, dict) or not isinstance(row.get("image"), str) or not row["image"]:
        raise InputError(f"{where}: found a stimulus without an image name: {row!r:.60}")
    name, role, outputs = row["image"], row.get("role"), row.get("outputs")
    if role not in ROLES:
        raise InputError(f"{where}: {name}: found role {role!r}, wanted one of {', '.join(ROLES)}")
    if not isinstance(outputs, dict) or not outputs:
        raise InputError(f"{where}: {name}: found no outputs")
    missing = sorted(set(systems) - set(outputs)) if role == "test" else []
    if missing:
        raise InputError(f"{where}: {name}: found no output of {', '.join(missing)}")
    hashes = {system: _hash_of(where, name, value) for system, value in outputs.items()}
    hr, lr = (_hash_of(where, name, row.get(key)) for key in ("hr", "lr"))
    return StimulusFiles(name, role, hr, lr, hashes)


def _hash_of(where: str, name: str, value: Any) -> str:
    if isinstance(value, str) and value.endswith(".png"):
        sha = value.removesuffix(".png")
        if len(sha) == 64 and all(c in "0123456789abcdef" for c in sha):
            return sha
    raise InputError(f"{where}: {name}: found file {value!r}, wanted <sha256>.png")


def _verified(path: Path, sha: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"found no readable {path}: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != sha:
        raise InputError(f"{path}: its content does not match its name: make the folder again")
    return data


def _plain_size(path: Path, data: bytes) -> tuple[int, int]:
    try:
        with Image.open(io.BytesIO(data)) as image:
            # Before a small file is decoded into a large picture.
            if max(image.size) > LARGEST:
                raise InputError(f"{path}: found {image.size} pixels, wanted up to {LARGEST} each")
            image.load()
            if image.format != "PNG" or image.mode != "RGB":
                raise InputError(f"{path}: found {image.format} {image.mode}, wanted PNG RGB")
            return image.size
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
    ) as error:
        raise InputError(f"{path} is not a readable PNG: {error}") from error


def _common_size(
    folder: Path,
    stimuli: tuple[StimulusFiles, ...],
    sizes: Mapping[str, tuple[int, int]],
    scale: int,
) -> tuple[int, int]:
    size = sizes[stimuli[0].hr]
    for s in stimuli:
        for sha in (s.hr, *s.outputs.values()):
            if sizes[sha] != size:
                raise InputError(f"{folder}: {s.image}: found {sizes[sha]}, wanted {size} for all")
        width, height = sizes[s.lr]
        if (width * scale, height * scale) != size:
            raise InputError(
                f"{folder}: {s.image}: found an input of {(width, height)}, "
                f"wanted {(size[0] // scale, size[1] // scale)}"
            )
    return size
