"""Weights that metrics need: where they lie, whether they are the right ones, how to get them.

Only `fetch` uses a network. Files are looked for in the folder named by BENCH_WEIGHTS (default
~/.cache/sr3bench/weights), then in torch's hub cache, and inside the packages that carry them.
Nothing is loaded before its SHA-256 is checked.
"""

import hashlib
import importlib.util
import os
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO, Literal

from bench.pretrained import catalogue
from bench.pretrained.catalogue import WeightsFile
from sr3.base.errors import InputError

CHUNK = 1 << 20  # bytes read at once
State = Literal["present", "missing", "wrong hash"]


@dataclass(frozen=True)
class Found:
    """Where a file of the table lies and whether it is what it should be."""

    entry: WeightsFile
    state: State
    path: Path | None
    sha256: str | None

    @property
    def reason(self) -> str | None:
        """Why metrics that need the file are unavailable, or None."""
        if self.state == "present":
            return None
        problem = "" if self.state == "missing" else " (wrong hash)"
        return f"weights {self.entry.file}{problem}"


def folder() -> Path:
    """The user's folder of weights, whether it exists or not."""
    named = os.environ.get("BENCH_WEIGHTS")
    return Path(named) if named else Path.home() / ".cache" / "sr3bench" / "weights"


def entry(name: str) -> WeightsFile:
    """A row of the table; InputError names the known ones."""
    if name not in catalogue.TABLE:
        raise InputError(
            f"found no weights named {name!r}, wanted one of {', '.join(catalogue.TABLE)}"
        )
    return catalogue.TABLE[name]


def find(name: str) -> Found:
    """Locate a file and check its hash; the first place that has the right file wins."""
    row, wrong = entry(name), None
    for path in _candidates(row):
        digest = sha256_of(path)
        if digest.startswith(row.sha256):
            return Found(row, "present", path, digest)
        wrong = wrong or Found(row, "wrong hash", path, digest)
    return wrong or Found(row, "missing", None, None)


def require(name: str) -> Path:
    """Path of a verified file.

    Raises:
        InputError: missing, or its SHA-256 is not the table's.
    """
    found = find(name)
    if found.path is None or found.state != "present":
        raise InputError(
            f"found no usable {found.reason}, wanted SHA-256 {found.entry.sha256}: "
            f"`python -m bench.weights fetch {name}` or `import FILE`"
        )
    return found.path


def unavailable(names: Iterable[str]) -> str | None:
    """The first reason why one of the named files cannot be used, or None."""
    return next((reason for name in names if (reason := find(name).reason)), None)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hex, remembered while its size and time of change stay the same."""
    status = path.stat()
    return _sha256(path, status.st_size, status.st_mtime_ns)


def import_file(source: Path, name: str | None = None) -> Found:
    """Copy a file into the folder after its hash names its row (or agrees with `name`).

    Raises:
        InputError: unreadable, unknown hash, or not the hash of `name`.
    """
    try:
        digest = sha256_of(source)
    except OSError as error:
        raise InputError(f"found no readable file {source} ({error.strerror})") from error
    rows = [entry(name)] if name else list(catalogue.TABLE.values())
    row = next((row for row in rows if digest.startswith(row.sha256)), None)
    if row is None:
        wanted = rows[0].sha256 if name else "the hash of a file in the table"
        raise InputError(f"found SHA-256 {digest} in {source}, wanted {wanted}: nothing imported")
    target = folder() / row.file
    with _aside(target) as aside, source.open("rb") as stream, aside.open("wb") as sink:
        shutil.copyfileobj(stream, sink, CHUNK)
    return find(row.name)


def fetch(name: str) -> Found:
    """Download one file, check its hash, and only then put it in place.

    Raises:
        InputError: no address is known, the network fails, or the hash is wrong.
    """
    row = entry(name)
    if (found := find(name)).state == "present":
        return found
    if not row.url:
        raise InputError(f"found no address for {row.file}: install the package {row.package}")
    with _aside(folder() / row.file) as aside:
        try:
            digest = _download(row, aside)
        except (urllib.error.URLError, OSError) as error:
            raise InputError(f"found no way to {row.url} ({error}): import the file") from error
        if not digest.startswith(row.sha256):
            raise InputError(f"found SHA-256 {digest} at {row.url}, wanted {row.sha256}")
    return find(name)


def _candidates(row: WeightsFile) -> Iterator[Path]:
    places = [folder() / row.file]
    if row.package:
        package, _, inside = row.package.partition("/")
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            places.append(Path(spec.origin).parent / inside / row.file)
    else:
        home = os.environ.get("TORCH_HOME") or Path.home() / ".cache" / "torch"
        places.append(Path(home) / "hub" / "checkpoints" / row.file)
    return (path for path in places if path.is_file())


@cache
def _sha256(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _aside(target: Path) -> Iterator[Path]:
    """A file beside `target` that is renamed to it on success and removed otherwise."""
    path = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield path
        path.replace(target)
    except OSError as error:
        raise InputError(f"found no way to write {target} ({error})") from error
    finally:
        with suppress(OSError):
            path.unlink()


def _download(row: WeightsFile, target: Path) -> str:
    digest = hashlib.sha256()
    with urllib.request.urlopen(row.url, timeout=60) as stream, target.open("wb") as sink:
        for done, block in _blocks(stream):
            digest.update(block)
            sink.write(block)
            print(f"\r{row.file}: {done / row.size:4.0%}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return digest.hexdigest()


def _blocks(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    done = 0
    while block := stream.read(CHUNK):
        done += len(block)
        yield done, block
