"""Numbers of a benchmark that is no run of a suite: quantities by row, and what made them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.records.provenance import git_state, hardware, libraries
from bench.records.record import now
from sr3.base.errors import InputError
from sr3.base.files import read_json, write_json

VERSION = 1


@dataclass(frozen=True)
class Quantity:
    """A column: values are stored in `unit` and printed times `times`; `signed`: a difference."""

    title: str
    unit: str
    decimals: int
    times: float = 1.0
    signed: bool = False


@dataclass(frozen=True)
class Number:
    """A value with its 95 % interval where it has one, unrounded; None where there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Measurements:
    """One benchmark's numbers.

    Attributes:
        title: what was measured, on what.
        n: pictures that every number is about.
        made: command, inputs with hashes, libraries, hardware, state of the code, time.
        rows: row -> column -> number, in the order of the table.
    """

    title: str
    n: int
    made: Mapping[str, Any]
    columns: Mapping[str, Quantity]
    rows: Mapping[str, Mapping[str, Number]]


def made_here(command: str, device: str, **inputs: Any) -> dict[str, Any]:
    """What a number depends on, for `Measurements.made`."""
    return {
        "command": command, **inputs, "libraries": libraries(), "hardware": hardware(device),
        "git": git_state(), "created": now(),
    }  # fmt: skip


def write_measurements(path: Path, found: Measurements) -> None:
    """Write the numbers as JSON, whole or not at all."""
    write_json(path, {"version": VERSION} | asdict(found))


def read_measurements(path: Path) -> Measurements:
    """Read what `write_measurements` wrote.

    Raises:
        InputError: a missing, damaged or foreign file.
    """
    content = read_json(path)
    try:
        if content["version"] != VERSION:
            raise InputError(f"found version {content['version']} in {path}, wanted {VERSION}")
        rows = {
            name: {column: Number(**number) for column, number in row.items()}
            for name, row in content["rows"].items()
        }
        columns = {name: Quantity(**column) for name, column in content["columns"].items()}
        return Measurements(content["title"], content["n"], content["made"], columns, rows)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"found no measurements in {path} ({error})") from error
