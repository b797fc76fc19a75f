"""What a run need not do twice: per-image values and outputs, keyed by content, in one SQLite file.

SQLite commits whole batches, so a kill leaves either all of a batch or nothing of it, and several
processes of one run may write at once.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sr3.base.errors import InputError

SCHEMA = """
CREATE TABLE IF NOT EXISTS metric_values (
    metric TEXT, sr TEXT, hr TEXT, lr TEXT, value REAL,
    PRIMARY KEY (metric, sr, hr, lr)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outputs (
    system TEXT, hr TEXT, lr TEXT, seed INTEGER, sample INTEGER,
    sha256 TEXT, seconds REAL, peak_bytes REAL,
    PRIMARY KEY (system, hr, lr, seed, sample)
) WITHOUT ROWID;
"""
WAIT_S = 120.0  # for the lock of another process of the same run


@dataclass(frozen=True)
class MadeOutput:
    """An output as it was made: hash of its PNG, seconds per image, peak memory in bytes."""

    sha256: str
    seconds: float
    peak_bytes: float | None


@dataclass(frozen=True)
class OutputKey:
    """All that an output depends on: system (with its options), input, seed, sample number."""

    system: str
    hr: str
    lr: str
    seed: int
    sample: int = 0

    @property
    def row(self) -> tuple[str, str, str, int, int]:
        return self.system, self.hr, self.lr, self.seed, self.sample


@dataclass(frozen=True)
class ValueKey:
    """All that a per-image value depends on, by SHA-256."""

    metric: str
    sr: str
    hr: str
    lr: str

    @property
    def row(self) -> tuple[str, str, str, str]:
        return self.metric, self.sr, self.hr, self.lr


class RunCache:
    """The cache file of a suite's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)
            self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def made(self, key: OutputKey) -> MadeOutput | None:
        """How an output was made, or None when it never was."""
        row = self._db.execute(
            "SELECT sha256, seconds, peak_bytes FROM outputs WHERE system = ? AND hr = ? "
            "AND lr = ? AND seed = ? AND sample = ?",
            key.row,
        ).fetchone()
        return MadeOutput(*row) if row else None

    def add_outputs(self, rows: Iterable[tuple[OutputKey, MadeOutput]]) -> None:
        """Remember a finished batch of outputs."""
        values = [(*k.row, m.sha256, m.seconds, m.peak_bytes) for k, m in rows]
        self._write("INSERT OR REPLACE INTO outputs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

    def value(self, key: ValueKey) -> float | None:
        """A per-image value, or None when it is not known."""
        row = self._db.execute(
            "SELECT value FROM metric_values WHERE metric = ? AND sr = ? AND hr = ? AND lr = ?",
            key.row,
        ).fetchone()
        return None if row is None else float(row[0])

    def add_values(self, rows: Iterable[tuple[ValueKey, float]]) -> None:
        """Remember the values of a finished batch."""
        values = [(*key.row, value) for key, value in rows]
        self._write("INSERT OR REPLACE INTO metric_values VALUES (?, ?, ?, ?, ?)", values)

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(statement, rows)
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise InputError(
                f"could not use the cache {self.path} ({error}): free the disk, or remove the file "
                "if it is damaged; it is made again from the images"
            ) from error
