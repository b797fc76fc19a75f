"""The files a researcher can take away; none holds raw ids."""

import json
from dataclasses import asdict, dataclass

from sqlalchemy.orm import Session

from twoafc_server.base.errors import InputError
from twoafc_server.export import rows
from twoafc_server.formats.bundle import pack
from twoafc_server.formats.responses import to_csv
from twoafc_server.storage.models import Study

FILES = (
    "responses.csv",
    "responses.json",
    "participants.csv",
    "events.csv",
    "events.json",
    "codebook.csv",
    "codebook.json",
    "bundle.zip",
)
_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json", "zip": "application/zip"}


@dataclass(frozen=True)
class Download:
    data: bytes
    mimetype: str


def download(database: Session, study: Study, file: str, now: int) -> Download:
    """The bytes of one of FILES. Raises InputError for any other name."""
    if file not in FILES:
        raise InputError(f"found no file {file!r}: wanted one of {', '.join(FILES)}")
    return Download(_bytes(database, study, file, now), _TYPES[file.rpartition(".")[2]])


def _bytes(database: Session, study: Study, file: str, now: int) -> bytes:
    match file:
        case "responses.csv":
            return to_csv(rows.responses(database, study)).encode()
        case "responses.json":
            return _json([asdict(row) for row in rows.responses(database, study)])
        case "participants.csv":
            return rows.table(rows.participant_rows(database, study)).encode()
        case "events.csv":
            return rows.table(rows.event_rows(database, study)).encode()
        case "events.json":
            return _json(rows.event_rows(database, study))
        case "codebook.csv":
            return rows.table(codebook_rows()).encode()
        case "codebook.json":
            return _json(rows.codebook())
        case _:
            return pack(rows.bundle_files(database, study, now))[0]


def codebook_rows() -> list[dict[str, str]]:
    """The codebook as a table: what each column, flag and exclusion reason means."""
    return [
        {"kind": kind, "name": name, "meaning": meaning}
        for kind, entries in rows.codebook().items()
        for name, meaning in entries.items()
    ]


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode()
