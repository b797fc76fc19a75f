"""Raw FFHQ, CelebA-HQ or ImageNet folders become a suite's HR set, as the paper makes it.

Natural images: those with a shorter side under the target are dropped, then the largest centre crop
and an AREA resize. Faces are aligned squares already and only resized, by the one resize operator.
"""

import json
import re
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from bench.base.progress import quiet
from bench.images.classes import WORDNET_ID
from bench.images.hr import Track
from bench.suites.protocol import NamedSuite
from sr3.base.errors import InputError
from sr3.base.files import disk_errors, sha256_of_file, write_json
from sr3.pictures.images import SUFFIXES, open_image, write_png
from sr3.pictures.resize import area_resize, resize

JOURNAL = "prepared.jsonl"
MANIFEST = "manifest.json"
PREPARE_VERSION = 1
Pixels = NDArray[np.uint8]
SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N", "I")


@dataclass(frozen=True)
class Outcome:
    """What became of one source file; `file` and `sha256` are empty unless it was kept."""

    source: str
    status: str
    file: str = ""
    sha256: str = ""
    note: str = ""


def centre_crop(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The largest centred crop of (H, W, 3) with the aspect of `size`."""
    height, width = pixels.shape[:2]
    fit = min(height / size[0], width / size[1])
    crop_h, crop_w = round(size[0] * fit), round(size[1] * fit)
    top, left = (height - crop_h) // 2, (width - crop_w) // 2
    return pixels[top : top + crop_h, left : left + crop_w]


def to_rgb8(image: Image.Image) -> tuple[Pixels, str]:
    """Any picture as (H, W, 3) uint8, upright, and a note on what had to be converted."""
    image = ImageOps.exif_transpose(image)
    note = "" if image.mode == "RGB" else f"converted from {image.mode}"
    if image.mode in SIXTEEN_BIT:
        high_byte = (np.asarray(image).astype(np.int64) + 128) // 257
        return np.repeat(high_byte.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2), note
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return np.asarray(image.convert("RGB")), note


def prepare_pixels(pixels: Pixels, named: NamedSuite) -> Pixels | None:
    """HR of one source picture, or None where the paper drops it as too small.

    Raises:
        InputError: a face picture that is not square, so it is not an aligned one.
    """
    size = _size_of(named)
    height, width = pixels.shape[:2]
    if height < size[0] or width < size[1]:
        return None
    if named.suite.prepare == "natural":
        return area_resize(centre_crop(pixels, size), size)
    if height * size[1] != width * size[0]:
        raise InputError(f"found {width}x{height}, wanted an aligned square face")
    return _bicubic(pixels, size)


def prepare_folder(
    named: NamedSuite,
    source: Path,
    target: Path,
    *,
    skip_bad: bool = False,
    limit: int | None = None,
    progress: Track = quiet,
) -> list[Outcome]:
    """Fill `target` with the suite's HR images; the same command goes on where it stopped.

    Raises:
        InputError: no pictures in `source`, two sources of one name, or a file that cannot be
            decoded while `skip_bad` is off (finished files stay).
    """
    _size_of(named)
    sources = find_sources(source, limit)
    names = _output_names(sources, source)
    done = _read_journal(target / JOURNAL, target)
    outcomes = []
    with closing(progress(sources, f"preparing {named.name}")) as shown:
        for path in shown:
            key = path.relative_to(source).as_posix()
            outcome = done.get(key)
            if outcome is None:
                outcome = _prepare_one(path, key, target / names[path], named, skip_bad)
                _append(target / JOURNAL, outcome)
            outcomes.append(outcome)
    _write_manifest(target, named, source, outcomes)
    return outcomes


def _size_of(named: NamedSuite) -> tuple[int, int]:
    if named.suite.size is None:
        raise InputError(
            f"found suite {named.name}, which takes its pictures as they are: give the folder to "
            "--data"
        )
    return named.suite.size


def find_sources(source: Path, limit: int | None = None) -> list[Path]:
    """Picture files at any depth of `source`, sorted; InputError when there are none."""
    if not source.is_dir():
        raise InputError(f"found no folder at {source}, wanted the raw images")
    found = sorted(p for p in source.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not found:
        raise InputError(
            f"found 0 images in {source}, wanted files ending in {', '.join(SUFFIXES)}"
        )
    return found[:limit]


def _prepare_one(path: Path, key: str, target: Path, named: NamedSuite, skip_bad: bool) -> Outcome:
    try:
        pixels, note = to_rgb8(open_image(path))
        prepared = prepare_pixels(pixels, named)
    except InputError as error:
        if not skip_bad:
            raise InputError(f"{path}: {error}; --skip-bad leaves such files out") from error
        return Outcome(key, "bad", note=str(error))
    if prepared is None:
        return Outcome(key, "dropped", note=f"{pixels.shape[1]}x{pixels.shape[0]} is too small")
    with disk_errors(target):
        write_png(target, prepared)
    return Outcome(key, "kept", target.name, sha256_of_file(target), note)


def _output_names(sources: list[Path], root: Path) -> dict[Path, str]:
    """PNG name per source; the class folder's WordNet id is put before names that lack one."""
    names: dict[Path, str] = {}
    taken: dict[str, Path] = {}
    for path in sources:
        folder = path.parent.name if path.parent != root else ""
        labelled = re.fullmatch(r"n\d{8}", folder) and not WORDNET_ID.match(path.stem)
        name = f"{folder}_{path.stem}.png" if labelled else f"{path.stem}.png"
        if name in taken:
            raise InputError(f"found {taken[name]} and {path}, which would both become {name}")
        taken[name] = path
        names[path] = name
    return names


def _bicubic(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    planes = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].double()
    resized = resize(planes, size)[0].permute(1, 2, 0)
    return (resized + 0.5).floor().clamp(0, 255).byte().numpy()


def _read_journal(path: Path, target: Path) -> dict[str, Outcome]:
    """Outcomes of earlier runs whose file is still there; a torn last line is ignored."""
    if not path.exists():
        return {}
    done = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            outcome = Outcome(**json.loads(line))
        except (ValueError, TypeError):
            continue
        if outcome.status == "dropped" or (outcome.file and (target / outcome.file).is_file()):
            done[outcome.source] = outcome
    return done


def _append(path: Path, outcome: Outcome) -> None:
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(asdict(outcome)) + "\n")


def _write_manifest(target: Path, named: NamedSuite, source: Path, outcomes: list[Outcome]) -> None:
    kept = {outcome.file: outcome.sha256 for outcome in outcomes if outcome.status == "kept"}
    write_json(
        target / MANIFEST,
        {
            "version": PREPARE_VERSION,
            "name": source.name,
            "suite": named.name,
            "suite_version": named.suite.version,
            "size": list(_size_of(named)),
            "kept": len(kept),
            "dropped": [o.source for o in outcomes if o.status == "dropped"],
            "bad": {o.source: o.note for o in outcomes if o.status == "bad"},
            "converted": {o.source: o.note for o in outcomes if o.status == "kept" and o.note},
            "files": kept,
        },
    )
