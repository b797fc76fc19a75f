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
from bench.images.hr import ImageSet, Item, read_hr
from bench.images.lowres import LowRes
from bench.images.pixels import make_lr, to_batch
from bench.suites.protocol import NamedSuite
from sr3.base.errors import InputError
from sr3.base.files import read_json, sha256_of_file, sha256_of_json, write_json

__all__ = ["CHECKS", "Finding", "Report", "check_folder"]

VERSION = 3  # raised when a verdict could change; part of the cache key
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
    seen: list[tuple[Item, FileFacts]] = []
    stems: list[str] = []
    facts: list[Facts] = []
    for batch in _examined(present, found):
        seen += [(item, replace(file, pixels=None)) for item, file in batch]
        for usable in _alike(batch):
            stems += [item.stem for item, _ in usable]
            facts.append(_look(usable, named, images.lr))
        progress(len(batch))
    examined = [file for _, file in seen]
    findings = (
        files.check_pairing([item.stem for item in images.items], found),
        files.check_decoding(examined),
        files.check_format(examined),
        files.check_mode([file for item, file in seen if not (item.gray and file.is_gray)]),
        files.check_metadata(examined),
        files.check_size([(file, item.size) for item, file in seen]),
        *without(_judged(facts, stems, examined, named.suite.scale, images.lr), images.lr),
    )
    return Report(str(folder), named.name, len(seen), findings)


def _asked_for(found: dict[str, list[Path]], images: ImageSet) -> dict[str, list[Path]]:
    """Without the outputs for HR images that a limit leaves out."""
    left_out = set(files.list_stems(images.root)) - {item.stem for item in images.items}
    return {stem: paths for stem, paths in found.items() if stem not in left_out}


def _examined(
    items: Sequence[Item], found: dict[str, list[Path]]
) -> Iterator[list[tuple[Item, FileFacts]]]:
    def examine(item: Item) -> FileFacts:
        return files.examine(found[item.stem][0], item.size)

    with ThreadPoolExecutor(DECODERS) as pool:
        for start in range(0, len(items), BATCH):
            batch = items[start : start + BATCH]
            yield list(zip(batch, pool.map(examine, batch), strict=True))


def _alike(batch: Sequence[tuple[Item, FileFacts]]) -> Iterator[list[tuple[Item, FileFacts]]]:
    """The pictures that can be judged, those of one size together."""
    usable = [(item, file) for item, file in batch if file.pixels is not None]
    for size in dict.fromkeys(item.size for item, _ in usable):
        yield [(item, file) for item, file in usable if item.size == size]


def _look(usable: Sequence[tuple[Item, FileFacts]], named: NamedSuite, low: LowRes) -> Facts:
    scale, hr = named.suite.scale, to_batch([read_hr(item) for item, _ in usable])
    sr = to_batch([file.pixels for _, file in usable if file.pixels is not None])
    down = low.down_for(hr)
    if down is None:  # LR of unknown or random make: outputs are held against HR brought down
        return look(sr, hr, make_lr(hr, scale), scale)
    return look(sr, hr, low.batch([item.lr for item, _ in usable], hr, scale), scale, down)


def _judged(
    facts: list[Facts], stems: list[str], seen: Sequence[FileFacts], scale: int, low: LowRes
) -> tuple[Finding, ...]:
    if not facts:
        reason = "no picture of the right size and mode to look at"
        return tuple(Finding(check, "skipped", reason) for check in PICTURE_CHECKS)
    by_stem = {file.stem: file for file in seen}
    gray = np.array([by_stem[stem].mode in files.GRAY for stem in stems])
    lossy = np.array([by_stem[stem].format in files.LOSSY for stem in stems])
    return judge(join(facts), stems, scale, gray, lossy, _beside(low))


def _beside(low: LowRes) -> str:
    """What outputs are held against, in words."""
    if low.problem is not None:
        return "HR brought down"
    return "LR" if low.degradation is None else "the input"


def without(findings: Sequence[Finding], low: LowRes) -> tuple[Finding, ...]:
    """Findings with those skipped that say nothing after the suite's degradation."""
    if low.degradation is None:
        return tuple(findings)
    senseless = {}
    if low.degradation.name == "jpeg":
        senseless["blocks"] = "the input has been JPEG itself"
    return tuple(
        Finding(f.check, "skipped", senseless[f.check]) if f.check in senseless else f
        for f in findings
    )


def _key(found: dict[str, list[Path]], named: NamedSuite, images: ImageSet) -> str:
    content = [[path.name, sha256_of_file(path)] for paths in found.values() for path in paths]
    wanted = [named.suite.scale, [[item.size, item.lr_key] for item in images.items]]
    return sha256_of_json([VERSION, content, images.sha256, wanted])[:32]
