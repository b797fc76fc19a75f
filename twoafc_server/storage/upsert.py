"""INSERT .. ON CONFLICT DO NOTHING on both databases."""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Table, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from twoafc_server.storage.models import Base


def insert_ignore(session: Session, model: type[Base], values: Mapping[str, Any]) -> bool:
    """Insert one row unless a unique constraint already holds it; says whether it was inserted."""
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(cast(Table, model.__table__)).values(**values).on_conflict_do_nothing()
    # Not the cursor's row count, which drivers do not report alike.
    return session.execute(statement.returning(literal(1))).first() is not None
