"""What the commands share: their options, and a database that is ready for use."""

import argparse
import os
from pathlib import Path

from sqlalchemy import Engine

from twoafc_server.errors import InputError
from twoafc_server.storage import migrate
from twoafc_server.storage.database import DEFAULT_URL, open_engine
from twoafc_server.web.settings import DATABASE


def parser(command: str, description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(f"python -m twoafc_server {command}", description=description)


def add_database(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--db",
        metavar="URL",
        default=os.environ.get(DATABASE, DEFAULT_URL),
        help=f"sqlite:///FILE or postgresql://...; default: ${DATABASE}, else {DEFAULT_URL}",
    )


def ready_engine(url: str) -> Engine:
    """An engine on a database of this version. Raises InputError if it has another one."""
    engine = open_engine(url)
    migrate.require_head(engine)
    return engine


def created_engine(url: str) -> Engine:
    """The same, where an empty database is first given its tables."""
    engine = open_engine(url)
    if migrate.current(engine) is None:
        migrate.upgrade(engine)
    migrate.require_head(engine)
    return engine


def new_file(path: Path) -> Path:
    """A path that nothing is at yet. Raises InputError."""
    if path.exists():
        raise InputError(f"found {path} already: move it away or name another")
    return path
