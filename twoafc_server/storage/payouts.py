"""The ledger of payouts, and what the platform says of submissions.

A row is claimed and committed before the platform is asked, so that a crash, a second window or a
repeated command finds it there and does not pay again.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from twoafc_server.base.keys import Keys
from twoafc_server.storage.models import (
    Identity,
    Participant,
    Payout,
    PlatformStatus,
    Response,
    Study,
    Trial,
)
from twoafc_server.storage.upsert import insert_ignore

FINAL = ("APPROVED", "PARTIALLY APPROVED", "REJECTED", "SCREENED OUT")
# Asking again does no harm there.
REPEATABLE = ("approve",)


@dataclass(frozen=True)
class Entry:
    """One thing to ask of the platform. minor and currency: for a bonus."""

    pseudonym: str
    kind: str
    reason: str
    label: str = ""
    minor: int | None = None
    currency: str = ""


@dataclass(frozen=True)
class Known:
    """A participant as payment sees them; external_id is empty after its deletion."""

    participant: Participant
    external_id: str
    external_session: str
    answered: int
    planned: int


def people(session: Session, study: Study) -> dict[str, Known]:
    """Everybody who arrived, by pseudonym."""
    answered = (
        select(Response.participant_id, func.count().label("n"))
        .group_by(Response.participant_id)
        .subquery()
    )
    planned = select(Trial.slot_id, func.count().label("n")).group_by(Trial.slot_id).subquery()
    query = (
        select(Participant, Identity, answered.c.n, planned.c.n)
        .outerjoin(Identity, Identity.participant_id == Participant.id)
        .outerjoin(answered, answered.c.participant_id == Participant.id)
        .outerjoin(planned, planned.c.slot_id == Participant.slot_id)
        .where(Participant.study_id == study.id)
        .order_by(Participant.id)
    )
    return {
        person.pseudonym: Known(
            person,
            identity.external_id if identity else "",
            identity.external_session if identity else "",
            done or 0,
            of or 0,
        )
        for person, identity, done, of in session.execute(query)
    }


def subject(keys: Keys, study: Study, pseudonym: str) -> str:
    """Who a ledger's row is about: not the pseudonym, which goes when a person is erased."""
    return keys.pseudonym(f"{study.name}:payout", pseudonym)


def claim(session: Session, study: Study, keys: Keys, entry: Entry, now: int) -> bool:
    """Whether this caller, and no other, may ask the platform now."""
    about = subject(keys, study, entry.pseudonym)
    person = session.scalar(
        select(Participant.id).where(
            Participant.study_id == study.id, Participant.pseudonym == entry.pseudonym
        )
    )
    values = {
        "study_id": study.id,
        "participant_id": person,
        "subject": about,
        "kind": entry.kind,
        "label": entry.label,
        "minor": entry.minor,
        "currency": entry.currency,
        "state": "sending",
        "reason": entry.reason[:300],
        "reference": "",
        "at": now,
    }
    if insert_ignore(session, Payout, values):
        return True
    open_states = ["refused", *(["sending"] if entry.kind in REPEATABLE else [])]
    again = (
        update(Payout)
        .where(
            Payout.study_id == study.id,
            Payout.subject == about,
            Payout.kind == entry.kind,
            Payout.label == entry.label,
            Payout.state.in_(open_states),
        )
        .values(state="sending", minor=entry.minor, currency=entry.currency, at=now)
        .returning(Payout.id)
    )
    return session.scalar(again) is not None


def mark(
    session: Session,
    study: Study,
    keys: Keys,
    entries: Iterable[Entry],
    state: str,
    now: int,
    reference: str | None = None,
) -> None:
    """Write down how it went, or under which reference it was asked."""
    for entry in entries:
        values = {"state": state, "at": now, **({"reference": reference} if reference else {})}
        session.execute(
            update(Payout)
            .where(
                Payout.study_id == study.id,
                Payout.subject == subject(keys, study, entry.pseudonym),
                Payout.kind == entry.kind,
                Payout.label == entry.label,
            )
            .values(**values)
        )


def ledger(session: Session, study: Study) -> list[Payout]:
    return list(
        session.scalars(select(Payout).where(Payout.study_id == study.id).order_by(Payout.id))
    )


def settled(session: Session, study: Study) -> set[tuple[str, str, str]]:
    """(subject, kind, label) of what must not be asked again by itself."""
    return {
        (row.subject, row.kind, row.label)
        for row in ledger(session, study)
        if row.state == "done" or (row.state == "sending" and row.kind not in REPEATABLE)
    }


def hear(session: Session, participant_id: int, status: str, at: int) -> bool:
    """Store a status unless a newer or a final one is known. Says whether it was stored."""
    if insert_ignore(
        session, PlatformStatus, {"participant_id": participant_id, "status": status, "at": at}
    ):
        return True
    # A late repeat of an old event must not undo a payment.
    newer = (PlatformStatus.at <= at) & (
        PlatformStatus.status.not_in(FINAL) if status not in FINAL else PlatformStatus.at <= at
    )
    changed = (
        update(PlatformStatus)
        .where(PlatformStatus.participant_id == participant_id, newer)
        .values(status=status, at=at)
        .returning(PlatformStatus.participant_id)
    )
    return session.scalar(changed) is not None
