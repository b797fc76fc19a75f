"""What `bench.evaluate` gives back: records and values of a run, as tables of pandas."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd
from PIL import Image

from bench.metrics.protocol import Values
from bench.records.finished import read_finished
from bench.records.record import REFERENCE, Record, Score
from bench.reporting.page import table_html
from bench.running.finishing import Result
from bench.typesetting import text
from bench.typesetting.table import Table
from sr3.base.errors import InputError

FIELDS = ("value", "low", "high", "n", "unit", "status")


@dataclass(frozen=True, repr=False)
class Results:
    """Scores of some systems on the same pictures; ground truth is among them as "hr".

    Attributes:
        records: by system, all that a run stores.
        images: names of the pictures, in the order of all per-image values.
        values: per-image values by system and metric, unrounded, in the metric's unit.
        notes: what the import doctor found worth telling of each system.
        printed: the table as a run prints it.
    """

    records: Mapping[str, Record]
    images: tuple[str, ...]
    values: Mapping[str, Mapping[str, Values]]
    notes: tuple[str, ...]
    printed: Table
    _sheet: bytes = field(repr=False)

    def score(self, metric: str, system: str | None = None) -> Score:
        """One score; `system` may be left out where there is one.

        Raises:
            InputError: a system or metric that was not measured, or a system that did not run.
        """
        measured = [name for name in self.records if name != REFERENCE]
        if system is None and len(measured) == 1:
            system = measured[0]
        if system is None or system not in self.records:
            raise InputError(f"found system {system!r}, wanted one of {', '.join(self.records)}")
        scores = self.records[system].metrics
        if self.records[system].status != "ok":
            raise InputError(f"found no scores of {system}: {self.records[system].status}")
        if metric not in scores:
            raise InputError(f"found metric {metric!r}, wanted one of {', '.join(scores)}")
        return scores[metric]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """A row per system and metric (the index): value, low, high, n, unit, status.

        Values are unrounded; low and high bound the 95 % interval, and are missing where there is
        none. `status` says why a value is missing, else "ok".
        """
        rows: list[dict[str, Any]] = [
            {"system": system, "metric": name} | {key: getattr(score, key) for key in FIELDS}
            for system, record in self.records.items()
            for name, score in record.metrics.items()
        ]
        columns = ["system", "metric", *FIELDS]
        frame = pd.DataFrame(rows, columns=columns).set_index(["system", "metric"])
        numbers = ["value", "low", "high"]
        return frame.astype(dict.fromkeys(numbers, "float64"))

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row per system, a column per metric: unrounded values, missing where there is none."""
        wide = self.frame["value"].unstack("metric")
        columns = self.frame.index.unique("metric")  # a system that did not run has no rows
        return wide.reindex(index=pd.Index(self.records, name="system"), columns=columns)

    @cached_property
    def per_image(self) -> pd.DataFrame:
        """A row per system and picture (the index), a column per metric that has such values."""
        frames = {
            system: pd.DataFrame(dict(values), index=pd.Index(self.images, name="image"))
            for system, values in self.values.items()
        }
        return pd.concat(frames, names=["system"])

    @property
    def picture(self) -> Image.Image:
        """LR, every system and HR side by side, for up to eight of the pictures."""
        return Image.open(io.BytesIO(self._sheet))

    def __str__(self) -> str:
        return text.render(self.printed) + "".join(f"{note}\n" for note in self.notes)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table_html(self.printed, self.notes)


def results_of(result: Result) -> Results:
    """All of a finished run, read into memory."""
    finished = read_finished(result.folder)
    return Results(
        records={record.system: record for record in finished.records},
        images=finished.images,
        values=finished.values,
        notes=tuple(note for record in finished.records for note in _notes(record)),
        printed=result.table,
        _sheet=(result.folder / "sheet.png").read_bytes(),
    )


def _notes(record: Record) -> Iterator[str]:
    found: Mapping[str, str] = record.provenance.get("doctor", {}).get("findings", {})
    yield from (f"{record.system}: {check}: {message}" for check, message in found.items())
