"""One row per answered trial: the file that leaves this room (export) and comes back (analysis).

The column order is fixed; `bench` and other readers rely on it.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from typing import Literal

Side = Literal["left", "right"]
Phase = Literal["practice", "test", "catch"]


@dataclass(frozen=True)
class ResponseRow:
    """One answered trial. Times are milliseconds; `slot`, `trial` and `position` count from 1.

    trial: number among all trials of the slot; position: number within its phase.
    fooled: 1 if the model's output was chosen, whatever the phase.
    frames_dropped: display frames missed during the exposure; hidden_ms: time the page was hidden
    or out of focus during the exposure. flags: `;`-separated, see the codebook.
    excluded: 1 if the study's locked rules exclude the row, for `exclusion_reason`.
    """

    study: str
    task: str
    participant: str
    slot: int
    trial: int
    phase: Phase
    position: int
    image: str
    system: str
    side_model: Side
    chose: Side
    fooled: int
    rt_ms: float
    exposure_ms_requested: float
    exposure_ms_measured: float
    frames_dropped: int
    hidden_ms: float
    flags: str
    excluded: int
    exclusion_reason: str


HEADER: tuple[str, ...] = tuple(field.name for field in fields(ResponseRow))


def to_csv(rows: Iterable[ResponseRow]) -> str:
    """The rows as CSV text with its header, one line feed per row."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(astuple(row) for row in rows)
    return buffer.getvalue()
