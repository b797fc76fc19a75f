"""The import doctor: is this folder of outputs what it says it is?

File checks first (pairing, decoding, format, mode, size), then the pictures in the LR domain
(copies, mix-ups, colour, displacement). `docs/import.md` lists every check with its limits.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.doctor import files
from bench.doctor.facts import Facts, join, look
from bench.doctor.files import FileFacts
from bench.doctor.report import Finding, Report
from bench.doctor.verdicts import judge
from bench.images.hr import ImageSet, Item, read_checked
from bench.images.pixels import to_batch
from bench.suites.protocol import NamedSuite
from sr3.base.errors import InputError
from sr3.base.files import read_json, sha256_of_file, sha256_of_json, write_json

__all__ = ["CHECKS", "Finding", "Report", "check_folder"]

VERSION = 2  # raised when a verdict could change; part of the cache key
BATCH = 16
DECODERS = 4
FILE_CHECKS = ("pairing", "decode", "format", "mode", "metadata", "size")
PICTURE_CHECKS = (
    "mispaired", "flips", "channels", "copies", "twins", "content", "tone", "shift", "zoom",
    "blocks", "match",
)  # fmt: skip
CHECKS = FILE_CHECKS + PICTURE_CHECKS

Progress = Callable[[int], None]


def check_folder(
    folder: Path,
    named: NamedSuite,
    images: ImageSet,
    accept: frozenset[str] = frozenset(),
    cache: Path | None = None,
    progress: Progress = lambda count: None,
) -> Report:
    """Check a folder of outputs against the HR set of a suite.

    Args:
        accept: checks whose warnings and errors are taken knowingly.
        cache: folder of earlier reports, found again by the content of both sets.
        progress: told the number of pictures that were just read.

    Raises:
        InputError: no folder, no picture in it, or an unknown name in `accept`.
    """
    unknown = accept - set(CHECKS)
    if unknown:
        raise InputError(
            f"found no check named {', '.join(sorted(unknown))}, wanted {', '.join(CHECKS)}"
        )
    found = _asked_for(files.list_stems(folder), images)
    stored = None if cache is None else cache / f"{_key(found, named, images)}.json"
    if stored is not None and stored.is_file():
        report = replace(Report.from_json(read_json(stored)), folder=str(folder))
    else:
        report = _check(folder, found, named, images, progress)
        if stored is not None:
            write_json(stored, report.to_json())
    return report.accept(accept)


def _check(
    folder: Path,
    found: dict[str, list[Path]],
    named: NamedSuite,
    images: ImageSet,
    progress: Progress,
) -> Report:
    present = [item for item in images.items if item.stem in found]
    seen: list[FileFacts] = []
    stems: list[str] = []
    facts: list[Facts] = []
    for batch in _examined(present, found, named.suite.size):
        seen += [replace(file, pixels=None) for _, file in batch]
        usable = [(item, file) for item, file in batch if file.pixels is not None]
        if usable:
            stems += [item.stem for item, _ in usable]
            facts.append(_look(usable, named))
        progress(len(batch))
    findings = (
        files.check_pairing([item.stem for item in images.items], found),
        files.check_decoding(seen),
        files.check_format(seen),
        files.check_mode(seen),
        files.check_metadata(seen),
        files.check_size(seen, named.suite.size),
        *_judged(facts, stems, seen, named.suite.scale),
    )
    return Report(str(folder), named.name, len(seen), findings)


def _asked_for(found: dict[str, list[Path]], images: ImageSet) -> dict[str, list[Path]]:
    """Without the outputs for HR images that a limit leaves out."""
    left_out = set(files.list_stems(images.root)) - {item.stem for item in images.items}
    return {stem: paths for stem, paths in found.items() if stem not in left_out}


def _examined(
    items: Sequence[Item], found: dict[str, list[Path]], size: tuple[int, int]
) -> Iterator[list[tuple[Item, FileFacts]]]:
    with ThreadPoolExecutor(DECODERS) as pool:
        for start in range(0, len(items), BATCH):
            batch = items[start : start + BATCH]
            decoded = pool.map(lambda item: files.examine(found[item.stem][0], size), batch)
            yield list(zip(batch, decoded, strict=True))


def _look(usable: Sequence[tuple[Item, FileFacts]], named: NamedSuite) -> Facts:
    suite = named.suite
    hr = [read_checked(item.path, suite.size, f"suite {named.name}") for item, _ in usable]
    sr = [file.pixels for _, file in usable if file.pixels is not None]
    return look(to_batch(sr), to_batch(hr), suite.scale)


def _judged(
    facts: list[Facts], stems: list[str], seen: Sequence[FileFacts], scale: int
) -> tuple[Finding, ...]:
    if not facts:
        reason = "no picture of the right size and mode to look at"
        return tuple(Finding(check, "skipped", reason) for check in PICTURE_CHECKS)
    by_stem = {file.stem: file for file in seen}
    gray = np.array([by_stem[stem].mode in files.GRAY for stem in stems])
    lossy = np.array([by_stem[stem].format in files.LOSSY for stem in stems])
    return judge(join(facts), stems, scale, gray, lossy)


def _key(found: dict[str, list[Path]], named: NamedSuite, images: ImageSet) -> str:
    content = [[path.name, sha256_of_file(path)] for paths in found.values() for path in paths]
    return sha256_of_json([VERSION, content, images.sha256, named.suite.scale, named.suite.size])[
        :32
    ]
