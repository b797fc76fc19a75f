"""Foreign outputs as rows of a run: paired by stem, checked before anything is measured."""

from collections.abc import Sequence

from baselines.imported import Imported
from bench.dataset import ImageSet, read_checked, unique_by_stem
from bench.files import sha256_of_file
from bench.outputs import Output
from bench.suite import NamedSuite
from sr3.errors import InputError
from sr3.images import list_images

SHOWN = 5


def pair(imported: Imported, images: ImageSet, named: NamedSuite) -> tuple[Output, ...]:
    """One output per HR image, by stem, each decoded and of the suite's size.

    Extra files are left alone here; the doctor reports them.

    Raises:
        InputError: missing stems, a stem twice, another size or mode, a damaged file.
    """
    paths = unique_by_stem(list_images(imported.folder))
    missing = [item.stem for item in images.items if item.stem not in paths]
    if missing:
        found = len(images.items) - len(missing)
        raise InputError(
            f"found {found} images in {imported.folder} for system {imported.name}, "
            f"suite {named.name} needs {len(images.items)} of the same names: "
            f"missing {_some(missing)}"
        )
    for item in images.items:
        read_checked(paths[item.stem], named.suite.size, f"suite {named.name}")
    return tuple(
        Output(item, paths[item.stem], sha256_of_file(paths[item.stem])) for item in images.items
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
