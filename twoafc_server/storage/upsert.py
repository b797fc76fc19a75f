"""INSERT .. ON CONFLICT DO NOTHING on both databases."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Table, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from twoafc_server.storage.models import Base


def insert_ignore(session: Session, model: type[Base], values: Mapping[str, Any]) -> bool:
    """Insert one row unless a unique constraint already holds it; says whether it was inserted."""
    statement = _statement(session.get_bind().dialect.name, model)
    # Not the cursor's row count, which drivers do not report alike.
    return session.execute(statement, dict(values)).first() is not None


@lru_cache(maxsize=32)
def _statement(dialect: str, model: type[Base]) -> ReturningInsert[tuple[int]]:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    made = insert(cast(Table, model.__table__)).on_conflict_do_nothing()
    return made.returning(literal(1))
