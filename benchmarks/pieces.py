"""A long measurement in pieces: a bound on its time, a JSON file that is whole after each piece.

What is measured stays; the same command goes on with the first piece that has no result.
"""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from bench.records.measurements import made_here
from sr3.base.errors import InputError
from sr3.base.files import read_json, write_json

VERSION = 1
MOST_MINUTES = 10.0
LEAST_SECONDS = 2.0  # below it no piece is begun
UNDONE = ("failed", "stopped")  # keys of a row that is no result


class OutOfTimeError(BaseException):
    """The step's time is over; no library's `except Exception` may take it for its own."""


class Deadline:
    """The end of a step, some minutes from now."""

    def __init__(self, minutes: float) -> None:
        if not 0 < minutes <= MOST_MINUTES:
            raise InputError(f"found --minutes {minutes:g}, wanted more than 0, at most 10")
        self.end = time.monotonic() + 60 * minutes

    @property
    def left(self) -> float:
        """Seconds."""
        return self.end - time.monotonic()

    @contextmanager
    def bound(self) -> Iterator[None]:
        """OutOfTimeError in what is within once the time is over; a running kernel ends first."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            raise OutOfTimeError

        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, max(0.001, self.left))
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


class Kept:
    """The rows of one step by name, each with the session that made it.

    Args:
        about: what the numbers are of; a file about something else, or of another device, is
            refused.
        retry: whether rows that failed or ran out of time are tried again.

    Raises:
        InputError: a file of another step, device or version.
    """

    def __init__(
        self, path: Path, about: Mapping[str, Any], session: Mapping[str, Any], deadline: Deadline,
        retry: bool,
    ) -> None:  # fmt: skip
        self.path, self.deadline, self.retry = path, deadline, retry
        self.session = dict(session)
        found = {"version": VERSION, "about": dict(about), "sessions": [], "rows": {}}
        self.content: dict[str, Any] = read_json(path) if path.exists() else found
        sessions = self.content.get("sessions", [])
        devices = {_device(known) for known in sessions} | {_device(session)}
        if self.content.get("about") != found["about"] or self.content["version"] != VERSION:
            raise InputError(f"found other settings in {path}: delete it or give another --out")
        if len(devices) > 1:
            raise InputError(
                f"found results of {_device(sessions[0])} in {path}, this is {_device(session)}: "
                "give another --out"
            )

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """What is known by piece."""
        rows: dict[str, dict[str, Any]] = self.content["rows"]
        return rows

    def piece(self, name: str, work: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """The row of a piece: known, or made now and written. Memory that runs out is a result."""
        known = self.rows.get(name)
        if known is not None and not (self.retry and set(UNDONE) & set(known)):
            print(f"{self.path.stem}: {name}: known", flush=True)
            return known
        if self.deadline.left < LEAST_SECONDS:
            print(f"{self.path.stem}: {name}: no time left, the same command goes on", flush=True)
            return {"stopped": "not begun"}
        start = time.perf_counter()
        row = self._made(work)
        row |= {"seconds": round(time.perf_counter() - start, 3), "session": self._place()}
        self.rows[name] = row
        write_json(self.path, self.content)
        shown = {key: value for key, value in row.items() if not isinstance(value, dict)}
        print(f"{self.path.stem}: {name}: {shown}", flush=True)
        return row

    def _made(self, work: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        try:
            with self.deadline.bound():
                return dict(work())
        except OutOfTimeError:
            return {"stopped": "the step's time was over"}
        except torch.OutOfMemoryError as error:
            return {"out_of_memory": _line(error)}
        except InputError:
            raise
        except Exception as error:  # one variant that breaks must not cost the others their turn
            return {"failed": f"{type(error).__name__}: {_line(error)}"}

    def _place(self) -> int:
        """Where this session stands among those that wrote the file."""
        if self.session not in self.content["sessions"]:
            self.content["sessions"].append(self.session)
        return int(self.content["sessions"].index(self.session))


def session_of(command: str, device: torch.device) -> dict[str, Any]:
    """What every number of this session depends on."""
    return made_here(command, str(device), driver=driver() if device.type == "cuda" else None)


def driver() -> str | None:
    """Version of the NVIDIA driver; None where its tool is not there."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 else None


def _device(session: Mapping[str, Any]) -> str:
    found = session["hardware"]
    return str(found.get("gpu") or found["processor"])


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0]
