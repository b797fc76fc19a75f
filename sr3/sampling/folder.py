"""A folder of pictures as resumable work: fixed batches, and a journal of results.

Which pictures share a batch follows from the folder alone, never from the number of processes or
from what is already done. So the same command gives the same files however it is cut up.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sr3.base.errors import InputError
from sr3.base.files import disk_errors, write_text
from sr3.machine.processes import Process
from sr3.pictures import kinds

SETTINGS = "sample.json"
JOURNAL = "sample.journal-{rank}.jsonl"


@dataclass(frozen=True)
class Source:
    """An input picture: where it is, what its outputs are called, (height, width) upright."""

    path: Path
    name: str
    size: tuple[int, int]


def sources(paths: list[Path], skip_bad: bool, warn: Callable[[str], None]) -> list[Source]:
    """Inputs in order; a name is the stem, or the whole file name where two share a stem.

    Raises:
        InputError: a file that is no picture, unless `skip_bad`; or no picture at all.
    """
    stems = Counter(p.stem for p in paths)
    found = []
    for path in paths:
        try:
            size = kinds.upright_size(path)
        except InputError as error:
            if not skip_bad:
                raise InputError(f"{error} (or --skip-bad)") from error
            warn(f"skipped: {error}")
            continue
        found.append(Source(path, path.stem if stems[path.stem] == 1 else path.name, size))
    if not found:
        raise InputError(f"found no usable picture among {len(paths)}: replace the files")
    return found


def batches(found: list[Source], batch_size: int) -> list[list[Source]]:
    """Pictures of one size, at most `batch_size` together, in order of first appearance."""
    by_size: dict[tuple[int, int], list[Source]] = {}
    for source in found:
        by_size.setdefault(source.size, []).append(source)
    return [
        group[start : start + batch_size]
        for group in by_size.values()
        for start in range(0, len(group), batch_size)
    ]


class Journal:
    """What has been made in an output folder, one JSON line a picture, one file a process."""

    def __init__(self, folder: Path, process: Process, fresh: bool = False) -> None:
        self.folder = folder
        self.path = folder / JOURNAL.format(rank=process.rank)
        self.done: dict[str, dict[str, Any]] = {}
        if fresh:
            self._forget(process)
            return
        for path in sorted(folder.glob(JOURNAL.format(rank="*"))):
            self.done.update((record["name"], record) for record in _records(path))

    def has(self, name: str, sha256: str) -> bool:
        """Whether the outputs of this very input are all there."""
        record = self.done.get(name)
        return (
            record is not None
            and record["sha256"] == sha256
            and all((self.folder / output).is_file() for output in record["outputs"])
        )

    def add(self, record: dict[str, Any]) -> None:
        """Note a picture whose outputs are written."""
        with disk_errors(self.path), self.path.open("a") as opened:
            opened.write(json.dumps(record) + "\n")
        self.done[record["name"]] = record

    def _forget(self, process: Process) -> None:
        """Drop this process's journal, and those of processes that are no longer."""
        for path in self.folder.glob(JOURNAL.format(rank="*")):
            rank = path.stem.rsplit("-", 1)[1]
            if path == self.path or (process.rank == 0 and int(rank) >= process.size):
                path.unlink()


def _records(path: Path) -> Iterable[dict[str, Any]]:
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue  # the last line of a killed process


def claim(path: Path, settings: dict[str, Any], overwrite: bool) -> None:
    """Save the settings at `path`, or check that those already there are the same.

    Raises:
        InputError: outputs made with other settings are there.
    """
    if path.is_file() and not overwrite:
        found = json.loads(path.read_text())
        differing = sorted(k for k in settings if found.get(k) != settings[k])
        if differing:
            raise InputError(
                f"found outputs made with other settings in {path.parent} (differing: "
                f"{', '.join(differing)}): use another folder, or --overwrite"
            )
        return
    write_text(path, json.dumps(settings, indent=2) + "\n")
