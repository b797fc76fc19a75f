"""What `analyse` may be given: a study in its database, a sealed bundle, or a CSV file.

A bundle that was edited or carries no seal is refused, and so is a study whose stored protocol
was edited or whose rates are still blinded. A bare CSV is taken as it is, and the report says
that nothing vouches for it.
"""

import json
import zipfile
from pathlib import Path

from twoafc_server.analysis.reading.answers import (
    Responses,
    Source,
    file_digest,
    read_strings,
    typed,
)
from twoafc_server.analysis.reading.foreign import (
    ToolOptions,
    from_plain,
    from_tool,
    is_plain,
    is_tool,
)
from twoafc_server.base.errors import InputError
from twoafc_server.formats.bundle import read_bundle
from twoafc_server.formats.responses import to_csv

UNSEALED = "not sealed: nothing shows whether these answers were edited after the study"


def load(
    what: str,
    database: str,
    digest: str | None = None,
    tool: ToolOptions | None = None,
) -> Responses:
    """Answers of `what`: a path to a bundle or CSV, else the name of a study in `database`.

    Args:
        database: SQLAlchemy URL, opened only for a study's name.
        digest: the bundle's published digest, if known.
        tool: how a real-vs-fake result file was made.

    Raises:
        InputError: nothing there, or not to be trusted; the message says why.
    """
    path = Path(what)
    if path.is_file():
        if zipfile.is_zipfile(path):
            return load_bundle(path, digest)
        if digest is not None:
            raise InputError(f"found a digest for {path}, which is no sealed bundle: drop --digest")
        return load_csv(path, tool or ToolOptions())
    if path.suffix or path.parent != Path():
        raise InputError(f"found no file {path}: wanted a study's name, a bundle or a CSV file")
    return load_study(what, database)


def load_bundle(path: Path, digest: str | None = None) -> Responses:
    """Verify a sealed bundle and read its answers."""
    bundle = read_bundle(path, digest)
    where = f"responses.csv of {path}"
    source = Source(
        kind="bundle",
        study=str(bundle.protocol.get("study", path.stem)),
        digest=bundle.digest,
        sealed=True,
        protocol=bundle.protocol,
    )
    return Responses(typed(read_strings(bundle.text("responses.csv"), where), where), source)


def load_csv(path: Path, tool: ToolOptions) -> Responses:
    """Read an exported, a plain or a real-vs-fake tool's CSV file; the header tells which."""
    where = str(path)
    try:
        strings = read_strings(path.read_text("utf-8-sig"), where)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"found no readable text in {path}: {error}") from error
    kind, notes = "responses", tuple[str, ...]()
    if is_tool(list(strings.columns)):
        strings, notes = from_tool(strings, tool, where)
        kind = "real-vs-fake"
    elif is_plain(list(strings.columns)):
        strings, kind = from_plain(strings, where), "plain"
    frame = typed(strings, where)
    named = sorted(set(frame["study"]) - {""})
    study = named[0] if len(named) == 1 else path.stem
    return Responses(frame, Source(kind, study, file_digest(path), notes=(UNSEALED, *notes)))


def load_study(name: str, database: str) -> Responses:
    """Read a study from its database; refused while its rates are blinded."""
    # The database part is imported here only, so that a CSV needs none of it.
    from twoafc_server.export import rows
    from twoafc_server.storage import studies
    from twoafc_server.storage.database import reading
    from twoafc_server.storage.migrate import ready_engine

    with reading(ready_engine(database)) as session:
        study = studies.find(session, name)
        protocol = studies.protocol_of(study)
        counts = studies.slot_counts(session, study)
        if counts.done < counts.planned and study.unblinded_at is None:
            raise InputError(
                f"study {name!r} is blinded: found {counts.done} of {counts.planned} slots done; "
                "wait for the planned number, or unblind it by name with the admin command"
            )
        text = to_csv(rows.responses(session, study))
        about = {"study": study.name, "study_file": json.loads(protocol.to_json())}
        note = f"read from the database with {counts.done} of {counts.planned} slots done"
        if study.unblinded_at is not None:
            note += f", unblinded by {study.unblinded_by}"
        source = Source("study", study.name, study.protocol_sha256, False, about, (note,))
    where = f"study {name!r}"
    return Responses(typed(read_strings(text, where), where), source)
