"""LR files that somebody else made: paired with HR by name, checked, their operator recognised."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from bench.images.hr import SHOWN_OFFENDERS, ImageSet, Item, read_hr, unique_by_stem
from bench.images.lowres import LowRes, LrFile
from bench.images.reading import decode, is_gray
from bench.images.recognition import recognise
from bench.suites.protocol import NamedSuite
from sr3.base.errors import InputError
from sr3.base.files import sha256_of_file, sha256_of_json
from sr3.pictures.images import list_images


def with_given_lr(images: ImageSet, folder: Path | None, named: NamedSuite) -> ImageSet:
    """The set with LR from the files of a folder instead of made; None leaves it as it is.

    Raises:
        InputError: a missing file, a wrong size, a colour file for a gray HR or the reverse.
    """
    if folder is None:
        return images
    if images.lr.degradation is not None:
        raise InputError(
            f"found --lr with suite {named.name}, whose inputs are made from HR: leave it out"
        )
    items = images.items
    paths = paired_with([item.stem for item in items], folder)
    files = [_lr_file(item, paths[item.stem], named) for item in items]
    by_stem = {item.stem: (item, file) for item, file in zip(items, files, strict=True)}

    def read(stem: str) -> tuple[np.ndarray, np.ndarray]:
        item, file = by_stem[stem]
        return read_hr(item), file.read()

    found = recognise(list(by_stem), read, named.suite.scale)
    digest = sha256_of_json([[stem, file.sha256] for stem, (_, file) in by_stem.items()])
    low = LowRes(found.operator, folder, found, digest)
    told = tuple(replace(i, lr=f, lr_key=low.key(f)) for i, f in by_stem.values())
    return replace(images, items=told, lr=low)


def _lr_file(item: Item, path: Path, named: NamedSuite) -> LrFile:
    scale = named.suite.scale
    height, width = decode(path).shape[:2]
    wanted = item.size[0] // scale, item.size[1] // scale
    if (height, width) != wanted:
        factor = item.size[0] / height
        hint = f", which is 1/{factor:g} of its HR" if factor == item.size[1] / width else ""
        raise InputError(
            f"found {width}x{height} pixels in {path}{hint}, suite {named.name} wants "
            f"{wanted[1]}x{wanted[0]}: the LR of HR cut to a multiple of {scale}"
        )
    gray = is_gray(path)
    if gray and not item.gray:
        raise InputError(f"found a gray LR at {path}, its HR {item.path.name} has colour")
    return LrFile(path, sha256_of_file(path), wanted, gray)


def paired_with(stems: Sequence[str], folder: Path) -> dict[str, Path]:
    """The LR file of each HR stem: of the same stem, or with one addition that all names carry.

    Known sets call them `babyx4`, or `img_001_SRF_4_LR` beside `img_001_SRF_4_HR`.

    Raises:
        InputError: stems without a file.
    """
    found = unique_by_stem(list_images(folder))
    for rename in _renamings(stems[0], found):
        if all(rename(stem) in found for stem in stems):
            return {stem: found[rename(stem)] for stem in stems}
    missing = [stem for stem in stems if stem not in found]
    raise InputError(
        f"found {len(stems) - len(missing)} of {len(stems)} LR files by stem in {folder}: missing "
        f"{', '.join(missing[:SHOWN_OFFENDERS])}{' and others' if len(missing) > 3 else ''}"
    )


def _renamings(stem: str, names: Iterable[str]) -> Iterator[Callable[[str], str]]:
    """Ways from an HR stem to the name of its LR that fit this one; first no change at all."""
    yield partial(_between, "", "")
    yield lambda own: own.replace("HR", "LR")
    for name in names:
        head, found, tail = name.partition(stem)
        if found:
            yield partial(_between, head, tail)


def _between(head: str, tail: str, stem: str) -> str:
    return f"{head}{stem}{tail}"
