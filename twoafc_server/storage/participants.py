"""A participant's way up to the trials: arriving, agreeing, getting a slot, leaving.

Every function runs inside the caller's transaction. Rows are locked in one order, own
participant first, and other people's rows only if nobody holds them, so nothing can deadlock.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.orm import Session

from twoafc_server.base.keys import Keys, new_session_key, session_digest
from twoafc_server.storage.models import (
    Event,
    Identity,
    Participant,
    Payout,
    PlatformStatus,
    Response,
    Showing,
    Slot,
    Study,
)
from twoafc_server.storage.states import ENDED
from twoafc_server.storage.studies import protocol_of
from twoafc_server.storage.upsert import insert_ignore


@dataclass(frozen=True)
class Arrival:
    """session_key: for the cookie; again: the person had been here before."""

    participant: Participant
    session_key: str
    again: bool


def arrive(
    session: Session, study: Study, keys: Keys, external_id: str, external_session: str, now: int
) -> Arrival:
    """Meet a person: a new one is stored, a known one gets a new session key.

    A person is known by the pseudonym, so two arrivals at once are one participant. The new
    session key ends the old session: a study runs in one browser at a time.
    """
    pseudonym = keys.pseudonym(study.name, external_id)
    session_key = new_session_key()
    values = {
        "study_id": study.id,
        "pseudonym": pseudonym,
        "session": session_digest(session_key),
        "status": "arrived",
        "arrived_at": now,
    }
    created = insert_ignore(session, Participant, values)
    participant = session.scalars(
        select(Participant)
        .where(Participant.study_id == study.id, Participant.pseudonym == pseudonym)
        .with_for_update()
    ).one()
    if created:
        _remember(session, participant, external_id, external_session, now)
    else:
        participant.session = session_digest(session_key)
    record(session, participant, "arrived" if created else "returned", now)
    return Arrival(participant, session_key, again=not created)


def _remember(
    session: Session, participant: Participant, external_id: str, external_session: str, now: int
) -> None:
    session.add(
        Identity(
            participant_id=participant.id,
            external_id=external_id,
            external_session=external_session,
            stored_at=now,
        )
    )


def by_session(session: Session, session_key: str, lock: bool = False) -> Participant | None:
    """The participant of a session key, its row locked if it is about to change."""
    query = select(Participant).where(Participant.session == session_digest(session_key))
    return session.scalar(query.with_for_update() if lock else query)


def record(session: Session, participant: Participant, kind: str, now: int, **data: Any) -> None:
    """Add a line to the ledger."""
    session.add(Event(participant_id=participant.id, kind=kind, data=data, at=now))


def consent(
    session: Session, participant: Participant, agreed: bool, now: int, texts: str = ""
) -> None:
    """Store agreement with its time and the version of the text that was shown, or end."""
    if participant.status != "arrived":
        return
    if not agreed:
        end(session, participant, "no_consent", now)
        return
    participant.status = "consented"
    participant.consented_at = now
    participant.consent_texts = texts or participant.study.texts_sha256
    record(session, participant, "consented", now, texts=participant.consent_texts)


def screen(session: Session, participant: Participant, answers: list[str], now: int) -> None:
    """Judge the answers to the screening questions, which are not stored."""
    if participant.status != "consented":
        return
    questions = protocol_of(participant.study).screening
    passed = len(answers) == len(questions) and all(
        answer in question.accept for question, answer in zip(questions, answers, strict=True)
    )
    if passed:
        participant.status = "screened"
        record(session, participant, "screened", now)
    else:
        end(session, participant, "screened_out", now)


def store_device(
    session: Session, participant: Participant, device: dict[str, Any], now: int
) -> None:
    """Store what the device check measured, before a slot is claimed."""
    if participant.status == "screened":
        participant.device = device
        record(session, participant, "device", now, **device)


def claim(session: Session, participant: Participant, now: int) -> bool:
    """Give the participant a slot, if one is free or its lease has run out.

    Returns False if all places are taken. Idempotent for one who has a slot.
    """
    if participant.status != "screened":
        return participant.status == "active"
    slot = _take_expired(session, participant.study_id, now) or _take_free(
        session, participant.study_id
    )
    if slot is None:
        record(session, participant, "full", now)
        return False
    lease = protocol_of(participant.study).lease_minutes
    slot.state = "claimed"
    slot.lease_until = now + round(lease * 60_000)
    session.flush()
    participant.slot_id = slot.id
    participant.status = "active"
    participant.claimed_at = now
    record(session, participant, "claimed", now, slot=slot.number)
    return True


def _take_free(session: Session, study_id: int) -> Slot | None:
    return session.scalar(
        select(Slot)
        .where(Slot.study_id == study_id, Slot.state == "free")
        .order_by(Slot.number)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def _take_expired(session: Session, study_id: int, now: int) -> Slot | None:
    """Free a slot whose lease ran out, if its holder is not writing at this moment."""
    found = session.execute(
        select(Slot, Participant)
        .join(Participant, Participant.slot_id == Slot.id)
        .where(
            Slot.study_id == study_id,
            Slot.state == "claimed",
            Slot.lease_until <= now,
            Participant.status == "active",
        )
        .order_by(Slot.number)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if found is None:
        return None
    slot, holder = found
    expire(session, holder, slot, now)
    return slot


def expire(session: Session, participant: Participant, slot: Slot, now: int) -> None:
    """Take the slot back whole; what was answered stays, and never counts."""
    participant.status = "expired"
    participant.ended_at = now
    slot.state = "free"
    slot.lease_until = None
    record(session, participant, "expired", now)
    session.flush()


def expire_if_due(session: Session, participant: Participant, now: int) -> bool:
    """Expire a locked, active participant whose lease has run out."""
    if participant.status != "active" or participant.slot_id is None:
        return False
    slot = session.get_one(Slot, participant.slot_id, with_for_update=True)
    if slot.lease_until is None or slot.lease_until > now:
        return False
    expire(session, participant, slot, now)
    return True


def end(session: Session, participant: Participant, status: str, now: int) -> None:
    """End without a slot: refused, screened out or on a device that does not fit.

    The raw id goes at once: there is nothing to pay, and the pseudonym knows a second arrival.
    """
    session.execute(delete(Identity).where(Identity.participant_id == participant.id))
    participant.status = status
    participant.ended_at = now
    record(session, participant, status, now)


def give_up_device(session: Session, participant: Participant, now: int) -> None:
    if participant.status == "screened":
        end(session, participant, "incompatible", now)


def withdraw(session: Session, participant: Participant, now: int) -> None:
    """Leave: the answers are deleted and the slot is free again."""
    if participant.status in ENDED:
        return
    slot_id = participant.slot_id
    _forget_answers(session, participant)
    participant.status = "withdrawn"
    participant.slot_id = None
    participant.issued_trial_id = None
    participant.ended_at = now
    session.flush()
    if slot_id is not None:
        _free(session, slot_id)
    record(session, participant, "withdrawn", now)


def _forget_answers(session: Session, participant: Participant) -> None:
    for model in (Response, Showing):
        session.execute(delete(model).where(model.participant_id == participant.id))


def _free(session: Session, slot_id: int) -> None:
    session.execute(update(Slot).where(Slot.id == slot_id).values(state="free", lease_until=None))


def erase(session: Session, participant: Participant) -> None:
    """Remove every row of a person. A slot that they held is free again.

    The ledger of payouts keeps its line without the participant, so that nothing is paid again.
    """
    live = participant.status in {"active", "completed"}
    slot_id = participant.slot_id
    _forget_answers(session, participant)
    session.execute(delete(Event).where(Event.participant_id == participant.id))
    session.execute(delete(Identity).where(Identity.participant_id == participant.id))
    session.execute(delete(PlatformStatus).where(PlatformStatus.participant_id == participant.id))
    paid = update(Payout).where(Payout.participant_id == participant.id)
    session.execute(paid.values(participant_id=None, reason=""))
    session.delete(participant)
    session.flush()
    if live and slot_id is not None:
        _free(session, slot_id)


def has_place(session: Session, study: Study, now: int) -> bool:
    """Whether a newcomer could get a slot at this moment."""
    return bool(
        session.scalar(
            select(
                exists().where(
                    Slot.study_id == study.id,
                    or_(
                        Slot.state == "free",
                        (Slot.state == "claimed") & (Slot.lease_until <= now),
                    ),
                )
            )
        )
    )
