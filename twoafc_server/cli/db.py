"""`db`: migrates, backs up and restores a database.

A backup is taken while the server runs: of SQLite by its own copier, of PostgreSQL by `pg_dump`.
"""

import os
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import inspect
from sqlalchemy.engine import make_url

from twoafc_server.base.errors import InputError
from twoafc_server.cli.common import add_database, new_file, parser
from twoafc_server.storage import migrate
from twoafc_server.storage.database import open_engine


def main(argv: list[str]) -> int:
    options = parser("db", __doc__ or "")
    options.add_argument(
        "action",
        choices=("upgrade", "revision", "backup", "restore"),
        help="migrate to the newest form, print the form, or copy to or from a file",
    )
    options.add_argument("file", nargs="?", type=Path, help="for backup and restore")
    options.add_argument(
        "--keep", type=int, metavar="N", help="backup into a folder, dated; keep the N newest"
    )
    add_database(options)
    given = options.parse_args(argv)
    if given.action in {"backup", "restore"}:
        if given.file is None:
            raise InputError(f"{given.action} needs a file")
        print(_copy(given.action, given.db, given.file, given.keep))
        return 0
    engine = open_engine(given.db)
    if given.action == "upgrade":
        migrate.upgrade(engine)
    print(f"database revision {migrate.current(engine) or 'none'}, this version's {migrate.head()}")
    return 0


def _copy(action: str, url: str, file: Path, keep: int | None) -> str:
    lite = sqlite_file(url)
    if action == "restore":
        if lite is None:
            restore_postgres(url, file)
            return f"restore: filled {shown(url)}"
        copy_sqlite(file, new_file(lite))
        return f"restore: wrote {lite}"
    target = dated(file, "db" if lite else "dump") if keep else file
    if lite is None:
        dump_postgres(url, new_file(target))
    else:
        copy_sqlite(lite, new_file(target))
    gone = prune(target, keep) if keep else 0
    return f"backup: wrote {target}" + (f", deleted {gone} older" if gone else "")


def shown(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)


def dated(folder: Path, suffix: str) -> Path:
    """A new name in a folder that sorts by time."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / f"twoafc-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.{suffix}"


def prune(newest: Path, keep: int) -> int:
    """Delete all but the newest dated backups of the same kind; says how many."""
    if keep < 1:
        raise InputError(f"found --keep {keep}, wanted 1 or more")
    old = sorted(newest.parent.glob(f"twoafc-*Z{newest.suffix}"))[:-keep]
    for path in old:
        path.unlink()
    return len(old)


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite URL; None for PostgreSQL. Raises InputError for another database."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return None
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise InputError(f"found {shown(url)}, wanted sqlite:///FILE or postgresql://...")
    return Path(parsed.database)


def dump_postgres(url: str, target: Path) -> None:
    """A consistent dump in the server's own format. Raises InputError."""
    aside = target.with_name(f".{target.name}.part")
    try:
        _tool("pg_dump", url, "--format=custom", "--no-owner", f"--file={aside}")
        # Read back: a dump whose table of contents cannot be listed is none.
        _run(["pg_restore", "--list", str(aside)])
        aside.chmod(0o600)
        aside.rename(target)
    finally:
        aside.unlink(missing_ok=True)


def restore_postgres(url: str, source: Path) -> None:
    """Fill an empty database from a dump, all or nothing. Raises InputError."""
    if not source.is_file():
        raise InputError(f"found no file {source}")
    engine = open_engine(url)
    tables = inspect(engine).get_table_names()
    engine.dispose()
    if tables:
        raise InputError(f"found tables in {shown(url)}, wanted an empty database: createdb one")
    _tool("pg_restore", url, "--no-owner", "--single-transaction", "--exit-on-error", str(source))


def _tool(name: str, url: str, *arguments: str) -> None:
    """Run a PostgreSQL tool on a database; its password goes by the environment."""
    parsed = make_url(url).set(drivername="postgresql")
    plain = parsed.set(password=None).render_as_string(hide_password=False)
    password = {"PGPASSWORD": str(parsed.password)} if parsed.password else {}
    _run([name, *arguments, f"--dbname={plain}"], password)


def _run(command: list[str], extra: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(extra or {})},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise InputError(f"found no {command[0]}: install postgresql-client") from error
    if done.returncode:
        raise InputError(
            f"{command[0]} failed: {(done.stderr.strip() or 'no reason given')[-300:]}"
        )


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy, also of a database in use. Raises InputError."""
    if not source.is_file():
        raise InputError(f"found no file {source}")
    aside = target.with_name(f".{target.name}.part")
    aside.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(aside)) as new:
            aside.chmod(0o600)
            old.backup(new)
            whole = new.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        aside.unlink(missing_ok=True)
        raise InputError(f"{source} is not a readable SQLite database: {error}") from error
    if whole != "ok":
        aside.unlink(missing_ok=True)
        raise InputError(f"{source} is damaged: {whole}")
    aside.rename(target)
