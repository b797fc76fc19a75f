"""`db`: migrates, backs up and restores a database.

A SQLite backup is taken while the server runs. PostgreSQL has `pg_dump` and `pg_restore`.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import make_url

from twoafc_server.base.errors import InputError
from twoafc_server.cli.common import add_database, new_file, parser
from twoafc_server.storage import migrate
from twoafc_server.storage.database import open_engine


def main(argv: list[str]) -> int:
    options = parser("db", __doc__ or "")
    options.add_argument("action", choices=("upgrade", "revision", "backup", "restore"))
    options.add_argument("file", nargs="?", type=Path, help="for backup and restore")
    add_database(options)
    given = options.parse_args(argv)
    if given.action in {"backup", "restore"}:
        if given.file is None:
            raise InputError(f"{given.action} needs a file")
        database = sqlite_file(given.db)
        source, target = (
            (database, given.file) if given.action == "backup" else (given.file, database)
        )
        copy_sqlite(source, new_file(target))
        print(f"{given.action}: wrote {target}")
        return 0
    engine = open_engine(given.db)
    if given.action == "upgrade":
        migrate.upgrade(engine)
    print(f"database revision {migrate.current(engine) or 'none'}, this version's {migrate.head()}")
    return 0


def sqlite_file(url: str) -> Path:
    """The file of a SQLite URL. Raises InputError for another database."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise InputError("backup and restore copy SQLite files: use pg_dump for PostgreSQL")
    return Path(parsed.database)


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy, also of a database in use. Raises InputError."""
    if not source.is_file():
        raise InputError(f"found no file {source}")
    aside = target.with_name(f".{target.name}.part")
    aside.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(aside)) as new:
            old.backup(new)
            whole = new.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        aside.unlink(missing_ok=True)
        raise InputError(f"{source} is not a readable SQLite database: {error}") from error
    if whole != "ok":
        aside.unlink(missing_ok=True)
        raise InputError(f"{source} is damaged: {whole}")
    aside.rename(target)
