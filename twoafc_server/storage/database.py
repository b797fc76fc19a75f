"""Opening a database and running transactions in it, the same way on SQLite and PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from twoafc_server.base.errors import InputError


def open_engine(url: str, pool_size: int = 8) -> Engine:
    """An engine for a SQLite or PostgreSQL URL. Raises InputError for any other."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InputError(
            f"found database URL {url!r}: wanted sqlite:/// or postgresql://"
        ) from error
    if parsed.get_backend_name() == "postgresql":
        # The bare name means another driver from one SQLAlchemy version to the next.
        parsed = parsed.set(drivername="postgresql+psycopg")
        return create_engine(
            parsed, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True
        )
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        shown = parsed.render_as_string(hide_password=True)
        raise InputError(f"found database URL {shown!r}: wanted sqlite:///FILE or postgresql://")
    engine = create_engine(parsed)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not open transactions by itself: _begin_sqlite does.
    connection.isolation_level = None
    for pragma in (
        "foreign_keys=ON",
        "journal_mode=WAL",
        "busy_timeout=15000",
        "synchronous=NORMAL",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "IMMEDIATE")
    connection.exec_driver_sql(f"BEGIN {mode}")


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """One transaction that writes; on SQLite it takes the write lock at once."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """One transaction that only reads and blocks no writer."""
    reader = engine.execution_options(sqlite_begin="DEFERRED")
    with Session(reader, expire_on_commit=False) as session, session.begin():
        yield session
