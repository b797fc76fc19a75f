"""The trials of one participant: which is next, its onset, its answer, and the end.

The server picks every trial. All writes are idempotent: the same request again gives the same
reply and changes nothing. Callers hold the participant's row locked.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from twoafc_server.design.flags import Measured, flags_of
from twoafc_server.storage.models import Event, Participant, Response, Showing, Slot, Study, Trial
from twoafc_server.storage.participants import record
from twoafc_server.storage.studies import protocol_of
from twoafc_server.storage.upsert import insert_ignore


class RefusedError(Exception):
    """A write that does not fit the state: nothing was changed. `code` is for the page."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Answer:
    """What a page sends about one trial. client_uuid: made by the page, one per attempt."""

    client_uuid: str
    chose: str
    input: str
    measured: Measured


def trials_of(session: Session, participant: Participant) -> list[Trial]:
    """All trials of the participant's slot in order."""
    return list(
        session.scalars(
            select(Trial).where(Trial.slot_id == participant.slot_id).order_by(Trial.number)
        )
    )


def issue_next(session: Session, participant: Participant, now: int) -> Trial | None:
    """Hand out the first trial that was never shown; None when all are over.

    A trial whose onset was reported and that got no answer is burnt: it is passed over.
    """
    shown = select(Showing.trial_id).where(Showing.participant_id == participant.id)
    trial = session.scalar(
        select(Trial)
        .where(Trial.slot_id == participant.slot_id, Trial.id.not_in(shown))
        .order_by(Trial.number)
        .limit(1)
    )
    if trial is not None:
        participant.issued_trial_id = trial.id
        participant.issued_at = now
    return trial


def report_onset(
    session: Session, participant: Participant, trial: Trial, client_uuid: str, now: int
) -> None:
    """Store that a trial is on the screen; from now on it cannot be shown again.

    Raises RefusedError if it is not the trial handed out, or was shown in another attempt.
    """
    _require_issued(participant, trial)
    known = session.get(Showing, (participant.id, trial.id))
    if known is not None:
        if known.client_uuid != client_uuid:
            raise RefusedError("already_shown")
        return
    _store_showing(session, participant, trial, client_uuid, now)


def _store_showing(
    session: Session, participant: Participant, trial: Trial, client_uuid: str, now: int
) -> None:
    stored = insert_ignore(
        session,
        Showing,
        {
            "participant_id": participant.id,
            "trial_id": trial.id,
            "slot_id": trial.slot_id,
            "client_uuid": client_uuid,
            "onset_at": now,
        },
    )
    if not stored:
        raise RefusedError("forged")


def store_answer(
    session: Session, participant: Participant, trial: Trial, answer: Answer, now: int
) -> Response:
    """Store the answer to the trial handed out, or return the one stored by the same request.

    Raises RefusedError for another answer to the same trial, an answer out of order or before the
    exposure can have ended, or a used uuid.
    """
    known = session.get(Response, (participant.id, trial.id))
    if known is not None:
        if known.client_uuid != answer.client_uuid:
            raise RefusedError("already_answered")
        return known
    _require_issued(participant, trial)
    slot = session.get_one(Slot, trial.slot_id)
    if participant.issued_at is None or now - participant.issued_at < slot.exposure_ms:
        raise RefusedError("too_early")
    showing = session.get(Showing, (participant.id, trial.id))
    if showing is None:
        _store_showing(session, participant, trial, answer.client_uuid, now)
    elif showing.client_uuid != answer.client_uuid:
        raise RefusedError("already_shown")
    values = _values(participant, trial, slot, answer, now)
    if not insert_ignore(session, Response, values):
        raise RefusedError("forged")
    return session.get_one(Response, (participant.id, trial.id))


def _require_issued(participant: Participant, trial: Trial) -> None:
    if participant.issued_trial_id != trial.id:
        raise RefusedError("out_of_order")


def _values(
    participant: Participant, trial: Trial, slot: Slot, answer: Answer, now: int
) -> dict[str, Any]:
    m = answer.measured
    passed = None if trial.instructed is None else answer.chose == trial.instructed
    return {
        "participant_id": participant.id,
        "trial_id": trial.id,
        "client_uuid": answer.client_uuid,
        "chose": answer.chose,
        "input": answer.input,
        "rt_ms": m.rt_ms,
        "exposure_ms": m.exposure_ms,
        "frame_ms": m.frame_ms,
        "frames_dropped": m.frames_dropped,
        "hidden_ms": m.hidden_ms,
        "blurred_ms": m.blurred_ms,
        "early_presses": m.early_presses,
        "viewport_width": m.viewport_width,
        "viewport_height": m.viewport_height,
        "pixel_ratio": m.pixel_ratio,
        "zoom": m.zoom,
        "flags": ";".join(flags_of(m, slot.exposure_ms, passed)),
        "texts_sha256": participant.consent_texts or participant.study.texts_sha256,
        "received_at": now,
    }


@dataclass(frozen=True)
class Tally:
    """planned: trials of the slot; shown: onsets; answered: stored answers; passed: catches."""

    planned: int
    shown: int
    answered: int
    passed: int


def tally(session: Session, participant: Participant) -> Tally:
    """Count a participant's rows."""
    planned = session.scalar(
        select(func.count()).select_from(Trial).where(Trial.slot_id == participant.slot_id)
    )
    shown = session.scalar(
        select(func.count()).select_from(Showing).where(Showing.participant_id == participant.id)
    )
    answers = session.execute(
        select(Response.chose, Trial.instructed)
        .join(Trial, Trial.id == Response.trial_id)
        .where(Response.participant_id == participant.id)
    ).all()
    passed = sum(chose == instructed for chose, instructed in answers)
    return Tally(planned or 0, shown or 0, len(answers), passed)


def complete(session: Session, participant: Participant, study: Study, now: int) -> bool:
    """End an active participant once every trial was shown; says whether it ended.

    Only then is there a completion code. Too few passed catch trials end as `failed_checks`
    where the study replaces such participants, and free the slot for another.
    """
    counts = tally(session, participant)
    if participant.status != "active" or counts.shown < counts.planned:
        return False
    rules = protocol_of(study).rules
    slot = session.get_one(Slot, participant.slot_id, with_for_update=True)
    failed = counts.passed < rules.catch_pass
    replaced = failed and rules.failed_checks == "replace"
    participant.status = "failed_checks" if replaced else "completed"
    participant.ended_at = now
    session.flush()
    slot.state = "free" if replaced else "done"
    slot.lease_until = None
    record(
        session,
        participant,
        participant.status,
        now,
        answered=counts.answered,
        planned=counts.planned,
        catch_passed=counts.passed,
    )
    return True


def store_event(
    session: Session,
    participant: Participant,
    trial_id: int | None,
    client_uuid: str,
    kind: str,
    data: dict[str, Any],
    now: int,
) -> None:
    """Add a line that the page reports; a repeated one is ignored."""
    insert_ignore(
        session,
        Event,
        {
            "participant_id": participant.id,
            "trial_id": trial_id,
            "kind": kind,
            "data": data,
            "client_uuid": client_uuid,
            "at": now,
        },
    )
