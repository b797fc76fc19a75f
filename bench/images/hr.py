"""The HR set of a suite: where it lies, what is in it, and proof that each file is usable."""

import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from bench.base.progress import quiet
from bench.images.classes import class_of
from bench.images.lowres import LowRes, LrFile, low_of_suite
from bench.images.pixels import LR_ID
from bench.images.reading import cropped, decode, is_gray, read_checked
from bench.suites.protocol import NamedSuite
from sr3.base.errors import InputError
from sr3.base.files import read_json, sha256_of_file, sha256_of_json
from sr3.degradations.protocol import tried
from sr3.pictures.images import list_images

EMBEDDED = Path(__file__).parents[1] / "embedded"
Origin = Literal["--data", "BENCH_DATA", "embedded", "statistics"]
Track = Callable[[Sequence[Path], str], Generator[Path, None, None]]
SHOWN_OFFENDERS = 3
LEAST_LR = 16  # pixels of an LR side that metrics and the doctor need
SPLITS = ("train", "val", "valid", "validation", "test", "hr", "images")


@dataclass(frozen=True)
class Item:
    """One HR image: its stem names it everywhere, the SHA-256 of its bytes keys every cache.

    Attributes:
        size: (height, width) as it is judged.
        gray: whether the file has no colour; it is judged as three equal channels.
        lr: the given LR; None where it is made.
        lr_key: all that LR, and measuring against it, depend on; part of every cache key.
    """

    stem: str
    path: Path
    sha256: str
    label: int | None = None
    size: tuple[int, int] = (0, 0)
    gray: bool = False
    lr: LrFile | None = None
    lr_key: str = LR_ID


@dataclass(frozen=True)
class ImageSet:
    """The checked HR images of a run, by stem, and where their LR comes from."""

    name: str
    root: Path
    origin: Origin
    items: tuple[Item, ...]
    lr: LowRes = field(default_factory=LowRes)

    @property
    def sha256(self) -> str:
        """Digest of the images by stem and content, independent of folder and order on disk."""
        return sha256_of_json([[item.stem, item.sha256] for item in self.items])

    @property
    def sizes(self) -> str:
        """Width and height in words, of one or of several sizes."""
        sizes = sorted({item.size for item in self.items})
        first, last = (f"{width}x{height}" for height, width in (sizes[0], sizes[-1]))
        return first if len(sizes) == 1 else f"{len(sizes)} sizes, {first} to {last}"

    @property
    def words(self) -> str:
        """How many there are, of what size, and where they lie."""
        if not self.items:
            return f"none; {self.origin} of {self.name}: {self.root}"
        return f"{len(self.items)} of {self.sizes}, {self.origin}: {self.root}"

    @property
    def gray(self) -> tuple[str, ...]:
        """Stems of the gray pictures."""
        return tuple(item.stem for item in self.items if item.gray)


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
    suite = named.suite
    low = low_of_suite(suite.operator, suite.degradation, suite.scale)
    if low.degradation is not None:
        tried(low.degradation, items[0].size)
    items = tuple(replace(item, lr_key=low.key(None)) for item in items)
    return ImageSet(_name_of(root), root, origin, items, low)


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


def read_hr(item: Item) -> np.ndarray:
    """HR as it is judged, (H, W, 3) uint8: gray as three equal channels, cut to the item's size.

    Raises:
        InputError: a file that has become smaller, or is no picture any more.
    """
    pixels = cropped(decode(item.path), item.size)
    if pixels.shape[:2] != item.size:
        raise InputError(f"found {item.path} changed since it was checked: start again")
    return pixels


def read_output(path: Path, item: Item, wanted_by: str = "the suite") -> np.ndarray:
    """A system's picture of an item, of HR's size; gray only where HR is gray."""
    return read_checked(path, item.size, wanted_by, item.gray)


def _name_of(root: Path) -> str:
    """The manifest's name, or the folder's with its parent's where it says only which split."""
    if (root / "manifest.json").is_file():
        return str(read_json(root / "manifest.json").get("name", root.name))
    full = root.resolve()
    return f"{full.parent.name}/{full.name}" if full.name.lower() in SPLITS else full.name


def _checked_item(path: Path, named: NamedSuite) -> Item:
    suite, gray = named.suite, False
    if suite.size is not None:
        size = suite.size
        read_checked(path, size, f"suite {named.name}")
    else:
        height, width = decode(path).shape[:2]
        size, gray = (height - height % suite.scale, width - width % suite.scale), is_gray(path)
        if min(size) < LEAST_LR * suite.scale:
            raise InputError(
                f"found {width}x{height} pixels in {path}, suite {named.name} wants sides of at "
                f"least {LEAST_LR * suite.scale}"
            )
    label = class_of(path.stem) if suite.labels == "wordnet" else None
    return Item(path.stem, path, sha256_of_file(path), label, size, gray)


def _compare_with_manifest(items: tuple[Item, ...], root: Path) -> None:
    wanted = read_json(root / "manifest.json")["files"]
    changed = [item.path.name for item in items if wanted.get(item.path.name) != item.sha256]
    if changed:
        raise InputError(
            f"found {len(changed)} embedded images that differ from {root / 'manifest.json'} "
            f"({', '.join(changed[:SHOWN_OFFENDERS])}): install the package again"
        )
