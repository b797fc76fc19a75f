"""Opening a database and running transactions in it, the same way on SQLite and PostgreSQL."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from twoafc_server.base.errors import InputError

_IDLE_S = 5.0


# A request waits no longer than this for a database that is slow or silent; it is answered with
# "come back in a moment", and its thread serves somebody else.
_PATIENCE = {
    "connect_timeout": "5",
    "tcp_user_timeout": "10000",
    "options": "-c statement_timeout=10s -c lock_timeout=10s "
    "-c idle_in_transaction_session_timeout=60s",
}


def open_engine(url: str, pool_size: int = 8, patient: bool = True) -> Engine:
    """An engine for a SQLite or PostgreSQL URL. Raises InputError for any other.

    patient: wait for the database as long as it takes, as a command does and a request must not.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InputError(
            # Not the URL itself, which may hold a password.
            "found a database URL that cannot be read: wanted sqlite:///FILE or postgresql://..."
        ) from error
    if parsed.get_backend_name() == "postgresql":
        # The bare name means another driver from one SQLAlchemy version to the next.
        parsed = parsed.set(drivername="postgresql+psycopg")
        own = {} if patient else {k: v for k, v in _PATIENCE.items() if k not in parsed.query}
        engine = create_engine(
            parsed,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=30 if patient else 15,
            connect_args=own,
            hide_parameters=True,
        )
        event.listen(engine, "checkout", _ping_if_idle)
        event.listen(engine, "checkin", _note_return)
        return engine
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        shown = parsed.render_as_string(hide_password=True)
        raise InputError(f"found database URL {shown!r}: wanted sqlite:///FILE or postgresql://")
    engine = create_engine(parsed, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _note_return(_connection: Any, record: Any) -> None:
    record.info["returned"] = time.monotonic()


def _ping_if_idle(connection: Any, record: Any, _proxy: Any) -> None:
    """Ask whether the server is still there, but not between two requests of a busy study."""
    if time.monotonic() - record.info.get("returned", time.monotonic()) > _IDLE_S:
        from psycopg import Error

        try:
            connection.execute("SELECT 1")
            connection.rollback()
        except Error as error:
            raise DisconnectionError("the connection went away while it was idle") from error


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


@contextmanager
def looking(engine: Engine) -> Iterator[Session]:
    """Reads that need not agree with one another: on PostgreSQL each is a transaction of its own,
    which saves two round trips."""
    reader = engine.execution_options(sqlite_begin="DEFERRED")
    if engine.dialect.name == "postgresql":
        reader = engine.execution_options(isolation_level="AUTOCOMMIT")
    with Session(reader, expire_on_commit=False) as session, session.begin():
        yield session


def is_outage(error: Exception) -> bool:
    """Whether the database is away, slow, full or read-only: something that passes, and that the
    same request can be tried again after."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout | DisconnectionError):
        return True
    # PostgreSQL: "cannot execute in a read-only transaction"; SQLAlchemy files it elsewhere.
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") == "25006"
