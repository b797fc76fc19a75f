"""Weights of metrics: where they lie, whether they are the right ones, and how to get them.

    python -m bench.weights status | verify | fetch [NAME ...] | import FILE [--name NAME]

Only `fetch` uses a network. Files are looked for in the folder named by BENCH_WEIGHTS (default
~/.cache/sr3bench/weights), then in torch's hub cache, and inside the packages that carry them.
Nothing is loaded before its SHA-256 is checked.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO, Literal

from bench.weights_table import TABLE, WeightsFile
from sr3.errors import InputError, run_command

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
    if name not in TABLE:
        raise InputError(f"found no weights named {name!r}, wanted one of {', '.join(TABLE)}")
    return TABLE[name]


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
    rows = [entry(name)] if name else list(TABLE.values())
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


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand; 1 where `verify` found a wrong file or `fetch` failed on one."""
    options = _parser().parse_args(argv)
    if options.command == "import":
        found = import_file(Path(options.file), options.name)
        print(f"imported {found.entry.name}: {found.path}")
        return 0
    if options.command == "fetch":
        for name in options.names or [row.name for row in TABLE.values() if row.url]:
            print(f"{name}: {fetch(name).path}")
        return 0
    everything = [find(name) for name in TABLE]
    print(_as_json(everything) if options.json else _as_text(everything))
    wrong = any(found.state == "wrong hash" for found in everything)
    return int(options.command == "verify" and wrong)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.weights", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("status", "show every file of the table and where it lies"),
        ("verify", "the same; exit code 1 if a file has the wrong hash"),
    ):
        commands.add_parser(name, help=text).add_argument("--json", action="store_true")
    fetching = commands.add_parser("fetch", help="download files (the only use of a network)")
    fetching.add_argument("names", nargs="*", metavar="NAME", help="default: all with an address")
    importing = commands.add_parser("import", help="copy a file you have into the folder")
    importing.add_argument("file")
    importing.add_argument("--name", choices=sorted(TABLE), help="row it must be")
    return parser


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


def _as_text(everything: list[Found]) -> str:
    rows = [("name", "state", "MB", "licence", "used by", "path or file")]
    for found in everything:
        row, place = found.entry, str(found.path or found.entry.file)
        size = f"{row.size / 1e6:.1f}"
        rows.append((row.name, found.state, size, row.licence, " ".join(row.used_by), place))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = ["  ".join([*map(str.ljust, row[:5], widths), row[5]]) for row in rows]
    return "\n".join([*lines, f"folder: {folder()} (BENCH_WEIGHTS names another)"])


def _as_json(everything: list[Found]) -> str:
    return json.dumps([asdict(found) for found in everything], indent=2, default=str)


if __name__ == "__main__":
    run_command(main)
