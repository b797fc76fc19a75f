"""The HR set of a suite: where it lies, what is in it, and proof that each file is usable."""

import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from bench.base.progress import quiet
from bench.images.classes import class_of
from bench.suites.protocol import NamedSuite
from sr3.base.errors import InputError
from sr3.base.files import read_json, sha256_of_file, sha256_of_json
from sr3.pictures.images import list_images, read_rgb

EMBEDDED = Path(__file__).parents[1] / "embedded"
Origin = Literal["--data", "BENCH_DATA", "embedded"]
Track = Callable[[Sequence[Path], str], Generator[Path, None, None]]
SHOWN_OFFENDERS = 3
SPLITS = ("train", "val", "valid", "validation", "test", "hr", "images")


@dataclass(frozen=True)
class Item:
    """One HR image: its stem names it everywhere, the SHA-256 of its bytes keys every cache."""

    stem: str
    path: Path
    sha256: str
    label: int | None = None


@dataclass(frozen=True)
class ImageSet:
    """The checked HR images of a run, by stem."""

    name: str
    root: Path
    origin: Origin
    items: tuple[Item, ...]

    @property
    def sha256(self) -> str:
        """Digest of the images by stem and content, independent of folder and order on disk."""
        return sha256_of_json([[item.stem, item.sha256] for item in self.items])


def find_root(
    named: NamedSuite, data: Path | None, environ: Mapping[str, str] = os.environ
) -> tuple[Path, Origin]:
    """The HR folder: `--data`, then BENCH_DATA (its subfolder named as the suite, if any), then
    the embedded set.

    Raises:
        InputError: nothing is given and the suite has no embedded images.
    """
    if data is not None:
        return data, "--data"
    if environ.get("BENCH_DATA"):
        folder = Path(environ["BENCH_DATA"])
        own = folder / named.name
        return (own if own.is_dir() else folder), "BENCH_DATA"
    if named.suite.embedded is None:
        raise InputError(
            f"found no images for suite {named.name}, which has none embedded: give --data DIR or "
            f"set BENCH_DATA; make the folder with `python -m bench.data prepare --suite "
            f"{named.name} SOURCE DIR` ({named.suite.dataset})"
        )
    return EMBEDDED / named.suite.embedded, "embedded"


def open_set(
    named: NamedSuite,
    data: Path | None = None,
    limit: int | None = None,
    environ: Mapping[str, str] = os.environ,
    progress: Track = quiet,
) -> ImageSet:
    """Find, decode, check and hash the HR images of a suite.

    Raises:
        InputError: a missing or empty folder, stems that occur twice, a file that is no 8-bit RGB
            picture of the suite's size, or an embedded file that differs from its manifest.
    """
    root, origin = find_root(named, data, environ)
    paths = unique_by_stem(list_images(root))
    if limit is not None and limit > len(paths):
        raise InputError(f"found {len(paths)} images in {root}, wanted --limit {limit} or fewer")
    chosen = list(paths.values())[:limit]
    with closing(progress(chosen, "checking images")) as shown:
        items = tuple(_checked_item(path, named) for path in shown)
    if origin == "embedded":
        _compare_with_manifest(items, root)
    return ImageSet(_name_of(root), root, origin, items)


def unique_by_stem(paths: Iterable[Path]) -> dict[str, Path]:
    """Paths by stem, sorted by stem; InputError names stems that occur twice."""
    found: dict[str, Path] = {}
    for path in sorted(paths, key=lambda p: (p.stem, p.suffix)):
        if path.stem in found:
            raise InputError(
                f"found {found[path.stem].name} and {path.name} in {path.parent}, wanted one file "
                "per stem: images are paired by stem"
            )
        found[path.stem] = path
    return found


def read_checked(path: Path, size: tuple[int, int], wanted_by: str) -> np.ndarray:
    """Decode an 8-bit RGB picture of exactly `size`, as (H, W, 3) uint8."""
    pixels = read_rgb(path)
    height, width = pixels.shape[:2]
    if (height, width) != size:
        raise InputError(
            f"found {width}x{height} pixels in {path}, {wanted_by} wants {size[1]}x{size[0]}: "
            "never resized silently, see `python -m bench.data prepare`"
        )
    return pixels


def _name_of(root: Path) -> str:
    """The manifest's name, or the folder's with its parent's where it says only which split."""
    if (root / "manifest.json").is_file():
        return str(read_json(root / "manifest.json").get("name", root.name))
    full = root.resolve()
    return f"{full.parent.name}/{full.name}" if full.name.lower() in SPLITS else full.name


def _checked_item(path: Path, named: NamedSuite) -> Item:
    read_checked(path, named.suite.size, f"suite {named.name}")
    label = class_of(path.stem) if named.suite.labels == "wordnet" else None
    return Item(path.stem, path, sha256_of_file(path), label)


def _compare_with_manifest(items: tuple[Item, ...], root: Path) -> None:
    wanted = read_json(root / "manifest.json")["files"]
    changed = [item.path.name for item in items if wanted.get(item.path.name) != item.sha256]
    if changed:
        raise InputError(
            f"found {len(changed)} embedded images that differ from {root / 'manifest.json'} "
            f"({', '.join(changed[:SHOWN_OFFENDERS])}): install the package again"
        )
