"""What requests share: the database, the keys and the clock of the app they belong to."""

from typing import cast

from flask import current_app, g, session
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from twoafc_server.storage.holder import Holder
from twoafc_server.storage.holder import holder as find_holder
from twoafc_server.storage.holder import watched as find_watched
from twoafc_server.storage.models import Participant
from twoafc_server.storage.participants import by_session
from twoafc_server.storage.plans import Plans
from twoafc_server.web.installation.settings import Settings

SESSION_KEY = "k"


def settings() -> Settings:
    return cast(Settings, current_app.extensions["twoafc_settings"])


def engine() -> Engine:
    return cast(Engine, current_app.extensions["twoafc_engine"])


def plans() -> Plans:
    return cast(Plans, current_app.extensions["twoafc_plans"])


def now() -> int:
    return settings().clock()


def session_key() -> str:
    """The key in the visitor's cookie, or empty."""
    value = session.get(SESSION_KEY, "")
    return value if isinstance(value, str) else ""


def participant(database: Session, lock: bool = False) -> Participant | None:
    """The visitor's participant row, locked if it is about to change; names the study for logs."""
    found = by_session(database, session_key(), lock) if session_key() else None
    if found is not None:
        g.study = found.study.name
    return found


def holder(database: Session, lock: bool = False) -> Holder | None:
    """The same in one query, for the requests of the timed part."""
    found = find_holder(database, session_key(), lock) if session_key() else None
    if found is not None:
        g.study = found.study
    return found


def watched(database: Session) -> tuple[Holder, bool] | None:
    """The same, and whether the onset of the trial at hand was reported."""
    found = find_watched(database, session_key()) if session_key() else None
    if found is not None:
        g.study = found[0].study
    return found
