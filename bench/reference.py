"""Reference statistics for `fid_ref`: the mean and covariance of features of a large image set.

    python -m bench.reference make --suite natural4x --data IMAGENET_HR_FOLDER
    python -m bench.reference import --suite natural4x FILE.npz --n 50000
    python -m bench.reference list

They lie in the folder named by BENCH_REFERENCES (default ~/.cache/sr3bench/references), one file
per suite and extractor, and carry the identity of the extractor that made them. `import` takes the
`mu` and `sigma` that other FID tools write; it trusts that they were made with the same network.
"""

from bench.base.extra import stop_without_extra

if __name__ == "__main__":
    stop_without_extra()  # before the imports below, which need torch

import argparse
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.base.progress import Counter, track
from bench.extractors.protocol import find_extractor, load_extractor
from bench.images.hr import ImageSet, open_set, read_checked
from bench.images.pixels import to_batch
from bench.measuring.decoding import judged_batch
from bench.measuring.features import FeatureStore
from bench.statistics.frechet import Gaussian, fit, from_moments
from bench.suites.protocol import NamedSuite, load_suite
from sr3.base.errors import InputError, run_command
from sr3.base.files import sha256_of_bytes, write_bytes

EXTRACTOR, LAYER = "inception_2015", "2048"
VERSION = 1


@dataclass(frozen=True)
class Reference:
    """Statistics with what they were made from."""

    gaussian: Gaussian
    extractor: str
    source: str


def folder() -> Path:
    """Where reference statistics lie."""
    named = os.environ.get("BENCH_REFERENCES")
    return Path(named) if named else Path.home() / ".cache" / "sr3bench" / "references"


def path_of(suite: str, extractor: str) -> Path:
    """The file of a suite and an extractor."""
    return folder() / f"{suite}-{extractor}.npz"


def unavailable(suite: str, extractor: str) -> str | None:
    """Why there is nothing to compare with, or None."""
    path = path_of(suite, extractor)
    if not path.is_file():
        return f"reference statistics of {suite}: see `python -m bench.reference --help`"
    if _made_by(path) != find_extractor(extractor).identity():
        return f"reference statistics of {suite} were made by another {extractor}"
    return None


def read_reference(path: Path) -> Reference:
    """Read statistics; InputError where the file is no such file."""
    with _opened(path) as stored:
        gaussian = from_moments(stored["mean"], stored["covariance"], int(stored["n"]))
        return Reference(gaussian, str(stored["extractor"]), str(stored["source"]))


def _made_by(path: Path) -> str:
    """Identity of the extractor, without the root of the covariance, which takes a second."""
    with _opened(path) as stored:
        return str(stored["extractor"])


@contextmanager
def _opened(path: Path) -> Iterator[Mapping[str, NDArray[Any]]]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            yield stored
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"found no reference statistics at {path} ({error})") from error


def write_reference(path: Path, reference: Reference) -> None:
    """Write statistics whole or not at all."""
    root, buffer = reference.gaussian.root, io.BytesIO()
    np.savez(
        buffer,
        version=VERSION,
        mean=reference.gaussian.mean,
        covariance=root.T @ root,
        n=reference.gaussian.n,
        extractor=reference.extractor,
        source=reference.source,
    )
    write_bytes(path, buffer.getvalue())


def make(named: NamedSuite, images: ImageSet, device: str, extractor: str = EXTRACTOR) -> Reference:
    """Statistics over a set of HR images; features are stored, so it resumes."""
    store = FeatureStore(folder() / "features", load_extractor(extractor, device))
    pictures = [item.sha256 for item in images.items]
    todo = store.missing(pictures)
    size = judged_batch(named.suite.size)
    with Counter(len(todo), "extracting") as counter:
        for start in range(0, len(todo), size):
            chosen = [images.items[i] for i in todo[start : start + size]]
            pixels = [read_checked(item.path, named.suite.size, "the suite") for item in chosen]
            store.add([item.sha256 for item in chosen], to_batch(pixels, device))
            counter.add(len(chosen))
    gaussian = fit(store.rows(pictures)[LAYER])
    return Reference(gaussian, store.extractor.identity, f"{images.name} {images.sha256}")


def import_moments(source: Path, n: int, extractor: str = EXTRACTOR) -> Reference:
    """Statistics from another tool's `mu` and `sigma`."""
    try:
        with np.load(source, allow_pickle=False) as stored:
            gaussian = from_moments(stored["mu"], stored["sigma"], n)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"found no mu and sigma in {source} ({error})") from error
    wanted = find_extractor(extractor).layers[LAYER]
    if gaussian.mean.shape != (wanted,):
        raise InputError(f"found {gaussian.mean.shape} values in {source}, wanted ({wanted},)")
    digest = sha256_of_bytes(source.read_bytes())
    return Reference(gaussian, find_extractor(extractor).identity(), f"{source.name} {digest}")


def main(argv: Sequence[str] | None = None) -> int:
    """Make, import or list reference statistics."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.reference", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="from a folder of HR images")
    making.add_argument("--data", type=Path, required=True)
    making.add_argument("--device", default="cpu")
    importing = commands.add_parser("import", help="from another tool's .npz")
    importing.add_argument("file", type=Path)
    importing.add_argument("--n", type=int, required=True, help="images behind the file")
    for command in (making, importing):
        command.add_argument("--suite", required=True)
    commands.add_parser("list", help="what there is")
    options = parser.parse_args(argv)
    if options.command == "list":
        return _list()
    named = load_suite(options.suite)
    if options.command == "make":
        images = open_set(named, options.data, progress=track)
        reference = make(named, images, options.device)
    else:
        reference = import_moments(options.file, options.n)
    path = path_of(named.name, EXTRACTOR)
    write_reference(path, reference)
    print(f"wrote {path}: {reference.gaussian.n} images, {reference.source}")
    return 0


def _list() -> int:
    for path in sorted(folder().glob("*.npz")):
        reference = read_reference(path)
        print(f"{path.stem}: {reference.gaussian.n} images, {reference.source}")
    return 0


if __name__ == "__main__":
    run_command(main)
