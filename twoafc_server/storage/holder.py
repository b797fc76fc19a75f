"""Who holds a slot, read in one query: all that a request in the timed part needs to know."""

from dataclasses import dataclass
from typing import cast

from sqlalchemy import Table, bindparam, exists, func, select
from sqlalchemy.orm import Session

from twoafc_server.base.keys import session_digest
from twoafc_server.storage.models import Participant, Showing, Slot, Study


@dataclass(frozen=True, slots=True)
class Holder:
    """A participant as their row was when it was read, or locked.

    session: SHA-256 of the session key. issued_*: the trial that was handed out last.
    texts_sha256: the texts as agreed to. lease_until: of the slot, None without one.
    """

    id: int
    session: str
    status: str
    slot_id: int | None
    issued_trial_id: int | None
    issued_at: int | None
    study: str
    texts_sha256: str
    lease_until: int | None


# Tables and not classes, and each statement made once: what the mapper does to a statement costs
# more than the database does.
_participant, _slot, _study, _showing = (
    cast(Table, model.__table__) for model in (Participant, Slot, Study, Showing)
)
_HOLDER = (
    select(
        _participant.c.id,
        _participant.c.session,
        _participant.c.status,
        _participant.c.slot_id,
        _participant.c.issued_trial_id,
        _participant.c.issued_at,
        _study.c.name,
        func.coalesce(_participant.c.consent_texts, _study.c.texts_sha256),
        _slot.c.lease_until,
    )
    .select_from(_participant.join(_study).outerjoin(_slot, _slot.c.id == _participant.c.slot_id))
    .where(_participant.c.session == bindparam("digest"))
)
# The holder's own row alone: the slot cannot change hands without it.
_LOCKED = _HOLDER.with_for_update(of=_participant)
_SHOWN = exists().where(
    _showing.c.participant_id == _participant.c.id,
    _showing.c.trial_id == _participant.c.issued_trial_id,
)
_WATCHED = _HOLDER.add_columns(_SHOWN)


def holder(session: Session, session_key: str, lock: bool = False) -> Holder | None:
    """The participant of a session key, their row locked if it is about to change."""
    query = _LOCKED if lock else _HOLDER
    row = session.execute(query, {"digest": session_digest(session_key)}).first()
    return Holder(*row) if row else None


def watched(session: Session, session_key: str) -> tuple[Holder, bool] | None:
    """The participant, and whether the onset of the trial handed out was reported."""
    row = session.execute(_WATCHED, {"digest": session_digest(session_key)}).first()
    return (Holder(*row[:-1]), bool(row[-1])) if row else None
