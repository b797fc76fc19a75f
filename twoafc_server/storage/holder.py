"""Who holds a slot, read in one query: all that a request in the timed part needs to know."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from twoafc_server.base.keys import session_digest
from twoafc_server.storage.models import Participant, Slot, Study


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


_HOLDER = (
    select(
        Participant.id,
        Participant.session,
        Participant.status,
        Participant.slot_id,
        Participant.issued_trial_id,
        Participant.issued_at,
        Study.name,
        func.coalesce(Participant.consent_texts, Study.texts_sha256),
        Slot.lease_until,
    )
    .join(Study, Study.id == Participant.study_id)
    .outerjoin(Slot, Slot.id == Participant.slot_id)
)
# The holder's own row alone: the slot cannot change hands without it.
_LOCKED = _HOLDER.with_for_update(of=Participant)


def holder(session: Session, session_key: str, lock: bool = False) -> Holder | None:
    """The participant of a session key, their row locked if it is about to change."""
    query = _LOCKED if lock else _HOLDER
    row = session.execute(query.where(Participant.session == session_digest(session_key))).first()
    return Holder(*row) if row else None
