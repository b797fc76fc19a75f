"""The doctor for generated pictures: no HR stands beside them, so they are held against sets.

Files first, as for outputs that are pairs; then copies: of one another, of the real pictures that
they are judged by, and of training pictures where a folder of these is given.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.doctor import files
from bench.doctor.files import FileFacts
from bench.doctor.report import Finding, Report, Severity
from bench.images.hr import ImageSet
from bench.images.reading import decode
from bench.images.thumbs import thumbs_of
from bench.statistics.neighbours import nearest
from bench.suites.protocol import NamedSuite
from sr3.base.errors import InputError
from sr3.base.files import read_json, sha256_of_file, sha256_of_json, write_json
from sr3.pictures.images import list_images

VERSION = 1  # raised when a verdict could change; part of the cache key
CHECKS = (
    "count", "decode", "format", "mode", "metadata", "size", "content", "twins", "alike", "copies",
    "trained_on",
)  # fmt: skip
DECODERS, BATCH = 4, 64
NEAR_DB = 30.0  # PSNR from which two pictures are near copies
CANDIDATES = 4  # nearest by thumbnail that are looked at in full
BLANK, GRAY = 0.01, 0.004  # standard deviation, and mean spread of channels, on [0, 1]

Progress = Callable[[int], None]
Names = Sequence[str]


@dataclass(frozen=True)
class Looks:
    """Pictures of one set: where they lie, SHA-256 of the pixels, thumbnails, and two spreads."""

    paths: tuple[Path, ...]
    digests: NDArray[np.str_]
    thumbs: NDArray[np.float32]
    contrast: NDArray[np.float64]
    chroma: NDArray[np.float64]

    @property
    def names(self) -> list[str]:
        return [path.name for path in self.paths]


def check_generated(
    folder: Path,
    named: NamedSuite,
    real: ImageSet,
    accept: frozenset[str] = frozenset(),
    cache: Path | None = None,
    training: Path | None = None,
    progress: Progress = lambda count: None,
) -> Report:
    """Check a folder of generated pictures for an unpaired suite.

    Args:
        named: with the size of the real pictures, as `open_real` gives it.
        accept: checks whose warnings and errors are taken knowingly.
        cache: folder of earlier reports, found again by the content of all sets.
        training: folder of the pictures that the system was trained on.

    Raises:
        InputError: no folder, no picture in it, or an unknown name in `accept`.
    """
    if unknown := accept - set(CHECKS):
        raise InputError(
            f"found no check named {', '.join(sorted(unknown))}, wanted {', '.join(CHECKS)}"
        )
    found = files.list_stems(folder)
    paths = [path for same in found.values() for path in same]
    trained_on = [] if training is None else list_images(training)
    content = [_content(paths), _content(trained_on)]
    key = [VERSION, named.suite.size, named.suite.count, real.sha256, content]
    stored = None if cache is None else cache / f"{sha256_of_json(key)[:32]}.json"
    if stored is not None and stored.is_file():
        report = replace(Report.from_json(read_json(stored)), folder=str(folder))
    else:
        findings = tuple(_findings(found, named, real, trained_on, progress))
        report = Report(str(folder), named.name, len(paths), findings)
        if stored is not None:
            write_json(stored, report.to_json())
    return report.accept(accept)


def _content(paths: Sequence[Path]) -> list[list[str]]:
    return [[path.name, sha256_of_file(path)] for path in paths]


def _findings(
    found: dict[str, list[Path]],
    named: NamedSuite,
    real: ImageSet,
    trained_on: Sequence[Path],
    progress: Progress,
) -> Iterator[Finding]:
    size = named.suite.size
    assert size is not None
    seen: list[FileFacts] = []
    parts: list[Looks] = []
    for batch in _examined([path for same in found.values() for path in same], size):
        seen += [replace(file, pixels=None) for file in batch]
        parts.append(_look([(f.path, f.pixels) for f in batch if f.pixels is not None]))
        progress(len(batch))
    yield check_count(found, named)
    yield files.check_decoding(seen)
    yield files.check_format(seen)
    yield files.check_mode(seen)
    yield files.check_metadata(seen)
    yield files.check_size([(file, size) for file in seen])
    ours = _join(parts)
    theirs = look_at([item.path for item in real.items])
    if not len(ours.paths):
        reason = "no picture of the right size and mode to look at"
        yield from (Finding(check, "skipped", reason) for check in CHECKS[6:])
        return
    yield check_content(ours, theirs)
    yield check_twins(ours)
    yield check_alike(ours)
    yield check_copies(ours, theirs)
    yield check_trained_on(ours, look_at(trained_on))


def check_count(found: dict[str, list[Path]], named: NamedSuite) -> Finding:
    """Every name once, and as many pictures as the paper judged."""
    double = [path.name for same in found.values() if len(same) > 1 for path in same]
    n, wanted = len(found), named.suite.count
    if double:
        message = f"found {len(double)} files that share a name, wanted one file per stem"
        return Finding("count", "error", message, tuple(double))
    if n < wanted:
        message = f"found {n} pictures, the paper judged {wanted}: scores of sets depend on that"
        return Finding("count", "warning", message, numbers={"n": n})
    return Finding("count", "ok", f"{n} pictures", numbers={"n": n})


def check_content(ours: Looks, theirs: Looks) -> Finding:
    """No picture is blank, or without colour where real ones have it."""
    blank = ours.contrast < BLANK
    colourful = not len(theirs.paths) or (theirs.chroma >= GRAY).mean() > 0.5
    gray = (ours.chroma < GRAY) & ~blank & colourful
    if not (blank.any() or gray.any()):
        return Finding("content", "ok", "neither blank nor gray pictures")
    parts = [f"{m.sum()} {what}" for m, what in ((blank, "blank"), (gray, "gray")) if m.any()]
    severity: Severity = "error" if (blank | gray).mean() > 0.5 else "warning"
    message = f"found {' and '.join(parts)} of {len(blank)} pictures"
    return Finding("content", severity, message, _pick(ours.names, blank | gray))


def check_twins(ours: Looks) -> Finding:
    """No two pictures have the same pixels."""
    _, index, counts = np.unique(ours.digests, return_inverse=True, return_counts=True)
    twins = counts[index] > 1
    if not twins.any():
        return Finding("twins", "ok", "all pictures differ")
    message = f"found {twins.sum()} pictures that share their pixels with another: count each once"
    return Finding("twins", "error", message, _pick(ours.names, twins))


def check_alike(ours: Looks) -> Finding:
    """Few pictures are nearly the same as another: a generator that has collapsed makes many."""
    near = _near_copies(ours, ours, own=True)
    same = _near_copies(ours, ours, own=True, equal=True)
    only = near & ~same
    if not only.any():
        return Finding("alike", "ok", f"no two pictures are within {NEAR_DB:.0f} dB")
    message = f"found {only.sum()} of {len(only)} pictures within {NEAR_DB:.0f} dB of another"
    return Finding("alike", "warning", message, _pick(ours.names, only))


def check_copies(ours: Looks, theirs: Looks) -> Finding:
    """No picture is one of the real ones that it is judged by: a mixed-up folder, or a leak."""
    if not len(theirs.paths):
        return Finding("copies", "skipped", "no real pictures to hold it against")
    near = _near_copies(ours, theirs)
    if not near.any():
        return Finding("copies", "ok", "no copy of a real picture")
    message = f"found {near.sum()} pictures within {NEAR_DB:.0f} dB of a real one: wanted others"
    return Finding("copies", "error", message, _pick(ours.names, near))


def check_trained_on(ours: Looks, training: Looks) -> Finding:
    """No picture is nearly one of the training set."""
    if not len(training.paths):
        return Finding("trained_on", "skipped", "no training pictures given")
    near = _near_copies(ours, training)
    if not near.any():
        return Finding("trained_on", "ok", f"no near copy of {len(training.paths)} pictures")
    message = f"found {near.sum()} pictures within {NEAR_DB:.0f} dB of a training picture"
    return Finding("trained_on", "warning", message, _pick(ours.names, near))


def look_at(paths: Sequence[Path]) -> Looks:
    """Facts about pictures that are known to be sound."""
    with ThreadPoolExecutor(DECODERS) as pool:
        starts = range(0, len(paths), BATCH)
        chunks = [paths[start : start + BATCH] for start in starts]
        return _join([_look(list(zip(c, pool.map(decode, c), strict=True))) for c in chunks])


def _examined(paths: Sequence[Path], size: tuple[int, int]) -> Iterator[list[FileFacts]]:
    with ThreadPoolExecutor(DECODERS) as pool:
        for start in range(0, len(paths), BATCH):
            batch = paths[start : start + BATCH]
            yield list(pool.map(lambda path: files.examine(path, size), batch))


def _look(pictures: Sequence[tuple[Path, NDArray[np.uint8]]]) -> Looks:
    if not pictures:
        return _join([])
    unit = [pixels.astype(np.float64) / 255 for _, pixels in pictures]
    return Looks(
        tuple(path for path, _ in pictures),
        np.array([hashlib.sha256(p.tobytes()).hexdigest() for _, p in pictures]),
        thumbs_of([pixels for _, pixels in pictures]),
        np.array([picture.std() for picture in unit]),
        np.array([np.ptp(picture, axis=2).mean() for picture in unit]),
    )


def _join(parts: Sequence[Looks]) -> Looks:
    full = [part for part in parts if len(part.paths)]
    if not full:
        none = np.zeros(0)
        return Looks((), none.astype(str), np.zeros((0, 1), np.float32), none, none)
    joined = ("digests", "thumbs", "contrast", "chroma")
    arrays = [np.concatenate([getattr(part, name) for part in full]) for name in joined]
    return Looks(tuple(path for part in full for path in part.paths), *arrays)


def _near_copies(
    ours: Looks, theirs: Looks, own: bool = False, equal: bool = False
) -> NDArray[np.bool_]:
    """Which of our pictures are within NEAR_DB of one of theirs, or `equal` to it.

    The means of blocks differ by less than pixels do, so thumbnails leave no near copy out.
    """
    near = np.zeros(len(ours.paths), dtype=bool)
    count = min(CANDIDATES, len(theirs.paths) - own)
    if count < 1:
        return near
    limit = 0.0 if equal else 10 ** (-NEAR_DB / 10)
    gaps, places = nearest(ours.thumbs, theirs.thumbs, count, own)
    possible = gaps / ours.thumbs.shape[1] <= limit + 1e-9
    for row in np.flatnonzero(possible.any(axis=1)):
        picture = decode(ours.paths[row]).astype(np.float64)
        for place in places[row][possible[row]]:
            other = decode(theirs.paths[place])
            if other.shape == picture.shape:
                near[row] |= bool(np.square((picture - other) / 255).mean() <= limit)
    return near


def _pick(names: Names, mask: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(names[int(i)] for i in np.flatnonzero(mask))
