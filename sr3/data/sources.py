"""Where training pictures come from: image folders, tar shards (WebDataset) and Parquet files.

A source is a list of pictures that can be read in any order from any process, so the order of a
run is decided elsewhere and survives a change of workers or processes.
"""

import json
import os
import tarfile
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from sr3.base.errors import InputError
from sr3.pictures import images


class Pictures(Protocol):
    """Pictures by index.

    `keys` name the pictures without folder or ending; `groups` are the sizes of the runs of
    neighbours that are cheap to read together, empty when any order costs the same.
    """

    @property
    def name(self) -> str: ...

    @property
    def keys(self) -> Sequence[str]: ...

    @property
    def groups(self) -> Sequence[int]: ...

    def read(self, index: int) -> np.ndarray:
        """(H, W, 3) uint8; InputError on a picture that cannot be used as it is."""
        ...


class Source:
    """Pictures in files."""

    name: str
    keys: Sequence[str]
    groups: Sequence[int] = ()

    def place(self, index: int) -> tuple[Path, bytes | None]:
        """A picture's path, and its bytes where the path only names them."""
        raise NotImplementedError

    def read(self, index: int) -> np.ndarray:
        """As `Pictures.read`."""
        return images.read_rgb(*self.place(index))


class FolderSource(Source):
    """Picture files of a folder and its subfolders."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.paths = images.list_images(folder) if _has_pictures(folder) else _walk(folder)
        self.keys = [p.relative_to(folder).with_suffix("").as_posix() for p in self.paths]

    def place(self, index: int) -> tuple[Path, bytes | None]:
        return self.paths[index], None


def _has_pictures(folder: Path) -> bool:
    return not folder.is_dir() or any(p.suffix.lower() in images.SUFFIXES for p in folder.iterdir())


def _walk(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.rglob("[!.]*") if p.suffix.lower() in images.SUFFIXES)
    return found or images.list_images(folder)


@dataclass(frozen=True)
class Member:
    """One picture within a tar file: where its bytes lie."""

    key: str
    ending: str
    offset: int
    size: int


def tar_index(tar: Path) -> list[Member]:
    """The pictures of a tar, from `<tar>.index.json` if it fits the tar's size, else by a scan."""
    beside = tar.with_name(tar.name + ".index.json")
    size = tar.stat().st_size
    if beside.is_file():
        stored = json.loads(beside.read_text())
        if stored.get("bytes") == size:
            return [Member(*m) for m in stored["members"]]
    members = scan(tar)
    if os.access(tar.parent, os.W_OK):
        write_index(tar, members)
    return members


def scan(tar: Path) -> list[Member]:
    """The pictures of an uncompressed tar, by reading its headers."""
    try:
        with tarfile.open(tar, "r:") as opened:
            found = [m for m in opened if m.isfile()]
    except (OSError, tarfile.TarError) as error:
        raise InputError(
            f"found no readable tar at {tar} ({error}): wanted uncompressed tar shards"
        ) from error
    pictures = [m for m in found if Path(m.name).suffix.lower() in images.SUFFIXES]
    return [
        Member(str(Path(m.name).with_suffix("")), Path(m.name).suffix, m.offset_data, m.size)
        for m in pictures
    ]


def write_index(tar: Path, members: list[Member]) -> None:
    """Write `<tar>.index.json`, aside and renamed."""
    rows = [[m.key, m.ending, m.offset, m.size] for m in members]
    target = tar.with_name(tar.name + ".index.json")
    aside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    aside.write_text(json.dumps({"bytes": tar.stat().st_size, "members": rows}))
    aside.replace(target)


class TarSource(Source):
    """Pictures within uncompressed tar files, each read by its offset."""

    def __init__(self, tars: Sequence[Path], name: str) -> None:
        self.name, self.tars = name, list(tars)
        indices = [tar_index(tar) for tar in self.tars]
        self.members = [m for index in indices for m in index]
        self.tar_of = np.repeat(np.arange(len(self.tars)), [len(i) for i in indices])
        self.keys = [m.key for m in self.members]

    def place(self, index: int) -> tuple[Path, bytes | None]:
        member, tar = self.members[index], self.tars[self.tar_of[index]]
        named = tar / (member.key + member.ending)
        try:
            with tar.open("rb") as opened:
                data = os.pread(opened.fileno(), member.size, member.offset)
        except OSError as error:
            raise InputError(f"could not read {named} ({error})") from error
        return named, data


class ParquetSource(Source):
    """Pictures in a binary column `image` of Parquet files, or in its field `bytes`.

    Row groups are read whole and the last few are kept, so the order should stay within as many
    (`data.WINDOW`): `groups` says where they are.
    """

    KEPT = 9

    def __init__(self, files: Sequence[Path], name: str) -> None:
        parquet = _pyarrow()
        self.name = name
        self.places: list[tuple[Path, int]] = []
        counts: list[int] = []
        for file in files:
            metadata = parquet.ParquetFile(file).metadata
            rows = [metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)]
            self.places += [(file, g) for g in range(len(rows))]
            counts += rows
        self.groups = counts
        self.starts = np.concatenate([[0], np.cumsum(counts)]).astype(int)
        self.keys = [
            f"{self.places[g][0].stem}-{self.places[g][1]:05d}-{i:06d}"
            for g, count in enumerate(counts)
            for i in range(count)
        ]
        self._kept: OrderedDict[int, list[Any]] = OrderedDict()

    def _group(self, group: int) -> list[Any]:
        if group not in self._kept:
            file, number = self.places[group]
            table = _pyarrow().ParquetFile(file).read_row_group(number, columns=["image"])
            self._kept[group] = table.column("image").to_pylist()
            if len(self._kept) > self.KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(group)
        return self._kept[group]

    def place(self, index: int) -> tuple[Path, bytes | None]:
        group = int(np.searchsorted(self.starts, index, side="right")) - 1
        value = self._group(group)[index - self.starts[group]]
        data = value["bytes"] if isinstance(value, dict) else value
        named = self.places[group][0] / self.keys[index]
        if not isinstance(data, bytes):
            raise InputError(f"found no bytes in {named}, wanted an encoded picture")
        return named, data


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise InputError("reading Parquet needs pyarrow: install it, or give a folder") from error
    return pyarrow.parquet


class Subset(Source):
    """Some pictures of another source, in its order."""

    def __init__(self, source: Source, indices: Sequence[int]) -> None:
        self.source, self.indices, self.name = source, np.asarray(indices, int), source.name
        self.keys = [source.keys[i] for i in self.indices]
        ends = np.cumsum(np.asarray(source.groups, int))
        inside = np.searchsorted(self.indices, np.concatenate([[0], ends]))
        self.groups = [int(n) for n in np.diff(inside) if n]

    def place(self, index: int) -> tuple[Path, bytes | None]:
        return self.source.place(int(self.indices[index]))


class Joined(Source):
    """Several sources one after another."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = list(sources)
        self.name = "+".join(s.name for s in sources)
        self.keys = [f"{s.name}/{key}" for s in sources for key in s.keys]
        self.starts = np.concatenate([[0], np.cumsum([len(s.keys) for s in sources])]).astype(int)
        grouped = any(len(s.groups) for s in sources)
        self.groups = [g for s in sources for g in (s.groups or [1] * len(s.keys)) if grouped]

    def place(self, index: int) -> tuple[Path, bytes | None]:
        which = int(np.searchsorted(self.starts, index, side="right")) - 1
        return self.sources[which].place(index - int(self.starts[which]))


def open_source(path: Path) -> Source:
    """The source at `path`: a folder of pictures, tars or Parquet files, or one such file."""
    suffix = path.suffix.lower()
    if suffix == ".tar" and path.is_file():
        return TarSource([path], path.stem)
    if suffix == ".parquet" and path.is_file():
        return ParquetSource([path], path.stem)
    inside = sorted(path.iterdir()) if path.is_dir() else []
    if tars := [p for p in inside if p.suffix.lower() == ".tar"]:
        return TarSource(tars, path.name)
    if files := [p for p in inside if p.suffix.lower() == ".parquet"]:
        return ParquetSource(files, path.name)
    return FolderSource(path)
