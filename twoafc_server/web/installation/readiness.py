"""What must hold for the server to take people in: database, schema, room on the disk."""

import shutil
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from twoafc_server.storage import migrate

# A participant's answers take kilobytes; this is room for the database's own log and a backup.
LEAST_FREE = 500 * 2**20


def problems(engine: Engine, database: str) -> list[str]:
    """One short line per thing that is wrong; empty if the server is ready."""
    try:
        found = migrate.current(engine)
    except SQLAlchemyError:
        return ["database unreachable"]
    wrong = [] if found == migrate.head() else ["database has another revision"]
    return wrong + (["disk nearly full"] if free_bytes(database) < LEAST_FREE else [])


def free_bytes(database: str) -> int:
    """Free bytes where a SQLite file lies, or where this process works."""
    url = make_url(database)
    lite = url.get_backend_name() == "sqlite" and url.database
    folder = Path(url.database).resolve().parent if lite and url.database else Path.cwd()
    return shutil.disk_usage(folder).free
