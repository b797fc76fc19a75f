"""Reference statistics for `fid_ref`: mean and covariance of features of a large image set."""

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.base.progress import Counter
from bench.extractors.protocol import find_extractor, load_extractor
from bench.images.hr import ImageSet, read_hr
from bench.images.pixels import to_batch
from bench.measuring.decoding import judged_batch
from bench.measuring.feature_store import FeatureStore
from bench.metrics.kinds.sets import EXTRACTOR, LAYER
from bench.statistics.frechet import Gaussian, fit, from_moments
from bench.suites.protocol import NamedSuite
from sr3.base.errors import InputError
from sr3.base.files import sha256_of_bytes, write_bytes

VERSION = 1


@dataclass(frozen=True)
class ReferenceStatistics:
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


def statistics_of(suite: str) -> Path:
    """The file that `fid_ref` of a suite reads."""
    return path_of(suite, EXTRACTOR)


def unavailable(suite: str, extractor: str) -> str | None:
    """Why there is nothing to compare with, or None."""
    path = path_of(suite, extractor)
    if not path.is_file():
        return f"reference statistics of {suite}: see `python -m bench.reference --help`"
    if _made_by(path) != find_extractor(extractor).identity():
        return f"reference statistics of {suite} were made by another {extractor}"
    return None


def read_reference(path: Path) -> ReferenceStatistics:
    """Read statistics; InputError where the file is no such file."""
    with _opened(path) as stored:
        gaussian = from_moments(stored["mean"], stored["covariance"], int(stored["n"]))
        return ReferenceStatistics(gaussian, str(stored["extractor"]), str(stored["source"]))


def list_references() -> list[Path]:
    """Every file of statistics that there is."""
    return sorted(folder().glob("*.npz"))


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


def write_reference(path: Path, reference: ReferenceStatistics) -> None:
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


def keep(suite: str, reference: ReferenceStatistics) -> Path:
    """Write what `fid_ref` of a suite reads, and say where."""
    path = statistics_of(suite)
    write_reference(path, reference)
    return path


def make(
    named: NamedSuite, images: ImageSet, device: str, extractor: str = EXTRACTOR
) -> ReferenceStatistics:
    """Statistics over a set of HR images; features are stored, so it resumes."""
    store = FeatureStore(folder() / "features", load_extractor(extractor, device))
    pictures = [item.sha256 for item in images.items]
    todo = store.missing(pictures)
    size = judged_batch(named.suite.size)
    with Counter(len(todo), "extracting") as counter:
        for start in range(0, len(todo), size):
            chosen = [images.items[i] for i in todo[start : start + size]]
            pixels = [read_hr(item) for item in chosen]
            store.add([item.sha256 for item in chosen], to_batch(pixels, device))
            counter.add(len(chosen))
    gaussian = fit(store.rows(pictures)[LAYER])
    return ReferenceStatistics(gaussian, store.extractor.identity, f"{images.name} {images.sha256}")


def import_moments(source: Path, n: int, extractor: str = EXTRACTOR) -> ReferenceStatistics:
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
    return ReferenceStatistics(
        gaussian, find_extractor(extractor).identity(), f"{source.name} {digest}"
    )
