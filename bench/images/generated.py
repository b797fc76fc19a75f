"""Sets that are no pairs: real pictures to compare with, and folders of generated ones."""

from dataclasses import replace
from pathlib import Path

from bench.base.progress import quiet
from bench.images.hr import ImageSet, Item, Track, open_set, unique_by_stem
from bench.images.lowres import LowRes
from bench.images.outputs import Output
from bench.images.reading import read_checked
from bench.suites.protocol import NamedSuite
from sr3.base.errors import InputError
from sr3.base.files import sha256_of_file
from sr3.pictures.images import list_images

NO_LR = "none"  # in the place of an LR operator


def open_real(
    named: NamedSuite,
    data: Path | None,
    limit: int | None = None,
    progress: Track = quiet,
) -> tuple[NamedSuite, ImageSet]:
    """The real pictures of an unpaired suite, and the suite with their size.

    Raises:
        InputError: as `open_set`; several sizes, or gray pictures.
    """
    images = open_set(named, data, limit, progress=progress)
    if len({item.size for item in images.items}) > 1 or images.gray:
        found = f"{len(images.gray)} gray pictures" if images.gray else images.sizes
        raise InputError(
            f"found {found} in {images.root}, suite {named.name} wants RGB pictures of one size"
        )
    return replace(named, suite=replace(named.suite, size=images.items[0].size)), images


def no_real(source: str, folder: Path) -> ImageSet:
    """The set of a run that has statistics of real pictures, but no pictures."""
    return ImageSet(source, folder, "statistics", (), LowRes())


def open_generated(
    folder: Path, named: NamedSuite, limit: int | None, again: bool
) -> tuple[Output, ...]:
    """The pictures of a folder by name; each stands for itself, where outputs stand for an HR.

    Args:
        again: decode each, because the doctor's refusal was not heeded.

    Raises:
        InputError: no picture, a stem twice, a damaged file, another size or mode.
    """
    size = named.suite.size
    assert size is not None
    paths = list(unique_by_stem(list_images(folder)).values())[:limit]
    for path in paths if again else ():
        read_checked(path, size, f"suite {named.name}")
    hashes = [sha256_of_file(path) for path in paths]
    items = [Item(path.stem, path, h, size=size) for path, h in zip(paths, hashes, strict=True)]
    return tuple(Output(item, item.path, item.sha256) for item in items)
