"""Bringing a database to the schema that this version of the package needs."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from twoafc_server.base.errors import InputError
from twoafc_server.storage.database import open_engine


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, without a file: the scripts are package data."""
    made = Config()
    made.set_main_option("script_location", "twoafc_server:storage/migrations")
    made.attributes["connection"] = connection
    return made


def head() -> str:
    """The revision that this version of the package needs."""
    return str(ScriptDirectory.from_config(config()).get_current_head())


def current(engine: Engine) -> str | None:
    """The revision of a database; None for an empty one."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Migrate up to a revision, in one transaction."""
    with engine.begin() as connection:
        command.upgrade(config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Migrate down to a revision, in one transaction."""
    with engine.begin() as connection:
        command.downgrade(config(connection), revision)


def require_head(engine: Engine) -> None:
    """Raise InputError unless the database has the schema of this version."""
    found = current(engine)
    if found != head():
        raise InputError(
            f"found database revision {found or 'none'}, wanted {head()}: "
            "run `python -m twoafc_server db upgrade`"
        )


def ready_engine(url: str) -> Engine:
    """An engine on a database of this version. Raises InputError if it has another one."""
    engine = open_engine(url)
    require_head(engine)
    return engine


def created_engine(url: str) -> Engine:
    """The same, where an empty database is first given its tables."""
    engine = open_engine(url)
    if current(engine) is None:
        upgrade(engine)
    require_head(engine)
    return engine
