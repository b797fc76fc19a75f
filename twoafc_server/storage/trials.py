"""The trials of one participant: which is next, its onset, its answer, and the end.

The server picks every trial. All writes are idempotent: the same request again gives the same
reply and changes nothing, also if it comes late. Callers hold the participant's row locked.
"""

from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Table, and_, bindparam, func, select, update
from sqlalchemy.orm import Session

from twoafc_server.design.flags import Measured, Transit, flags_of
from twoafc_server.storage.holder import Holder
from twoafc_server.storage.models import Event, Participant, Response, Showing, Slot, Study, Trial
from twoafc_server.storage.participants import record
from twoafc_server.storage.plans import Plan, PlannedTrial
from twoafc_server.storage.studies import protocol_of
from twoafc_server.storage.upsert import insert_ignore

# Made once, of tables and not of classes, as in `holder`.
_participant, _showing, _response = (
    cast(Table, model.__table__) for model in (Participant, Showing, Response)
)
_ISSUE = (
    update(_participant)
    .where(_participant.c.id == bindparam("holder"))
    .values(issued_trial_id=bindparam("trial"), issued_at=bindparam("now"))
)
_THIS_SHOWING = and_(
    _showing.c.participant_id == bindparam("holder"), _showing.c.trial_id == bindparam("trial")
)
_SHOWN_BY = select(_showing.c.client_uuid).where(_THIS_SHOWING)
_STATE_OF = (
    select(_showing.c.client_uuid, _response.c.client_uuid, _response.c.chose)
    .select_from(
        _showing.outerjoin(
            _response,
            (_response.c.participant_id == _showing.c.participant_id)
            & (_response.c.trial_id == _showing.c.trial_id),
        )
    )
    .where(_THIS_SHOWING)
)


class RefusedError(Exception):
    """A write that does not fit the state: nothing was changed. `code` is for the page."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Answer:
    """What a page sends about one trial. client_uuid: made by the page, one per attempt.

    resent: the page had to send it again, or has kept it while it was loaded again.
    """

    client_uuid: str
    chose: str
    input: str
    measured: Measured
    resent: bool = False


@dataclass(frozen=True)
class Stored:
    """The answer as it is in the database. fresh: stored by this very request."""

    chose: str
    fresh: bool


def issue_next(session: Session, held: Holder, plan: Plan, now: int) -> PlannedTrial | None:
    """Hand out the first trial that was never shown; None when all are over.

    A trial whose onset was reported and that got no answer is burnt: it is passed over.
    """
    issued = plan.by_id(held.issued_trial_id)
    if issued is None:
        return _issue(session, held, plan.trials[0], now)
    if not was_shown(session, held.id, issued.id):
        return _issue(session, held, issued, now)
    return _issue(session, held, plan.after(issued), now)


def issue_after(
    session: Session, held: Holder, plan: Plan, last: PlannedTrial | None, now: int
) -> PlannedTrial | None:
    """The trial after `last`, the page's last one, None for a page that knows of none.

    The same request again gives the same trial. Raises RefusedError for a request that was
    overtaken, which must not take the trial on the screen away.
    """
    issued = plan.by_id(held.issued_trial_id)
    if issued == last:
        return issue_next(session, held, plan, now)
    follows = plan.after(last) if last else plan.trials[0]
    if follows != issued:
        raise RefusedError("overtaken")
    return issued


def issue_behind(
    session: Session, held: Holder, plan: Plan, answered: PlannedTrial, now: int
) -> PlannedTrial | None:
    """The trial after the one just answered: no earlier one is left to show."""
    return _issue(session, held, plan.after(answered), now)


def _issue(
    session: Session, held: Holder, trial: PlannedTrial | None, now: int
) -> PlannedTrial | None:
    if trial is not None:
        session.execute(_ISSUE, {"holder": held.id, "trial": trial.id, "now": now})
    return trial


def was_shown(session: Session, participant_id: int, trial_id: int) -> bool:
    """Whether the onset of a trial was reported."""
    return _shown_by(session, participant_id, trial_id) is not None


def _shown_by(session: Session, participant_id: int, trial_id: int) -> str | None:
    found = session.scalar(_SHOWN_BY, {"holder": participant_id, "trial": trial_id})
    return None if found is None else str(found)


def report_onset(
    session: Session, held: Holder, trial: PlannedTrial, client_uuid: str, now: int
) -> None:
    """Store that a trial is on the screen; from now on it cannot be shown again.

    Raises RefusedError if it is not the trial handed out, or was shown in another attempt.
    """
    if held.issued_trial_id != trial.id or held.status != "active":
        # A report that was overtaken by its own answer is no news.
        if _shown_by(session, held.id, trial.id) == client_uuid:
            return
        raise RefusedError("out_of_order")
    _show(session, held, trial, client_uuid, now)


def _show(session: Session, held: Holder, trial: PlannedTrial, client_uuid: str, now: int) -> None:
    values = {
        "participant_id": held.id,
        "trial_id": trial.id,
        "slot_id": held.slot_id,
        "client_uuid": client_uuid,
        "onset_at": now,
    }
    if insert_ignore(session, Showing, values):
        return
    known = _shown_by(session, held.id, trial.id)
    if known != client_uuid:
        raise RefusedError("already_shown" if known else "forged")


def store_answer(
    session: Session, held: Holder, plan: Plan, trial: PlannedTrial, answer: Answer, now: int
) -> Stored:
    """Store the answer to the trial handed out, or return the one stored by the same request.

    Raises RefusedError for another answer to the same trial, an answer out of order or before the
    exposure can have ended, or a used uuid.
    """
    shown, known, chose = _state_of(session, held, trial)
    if known is not None:
        if known != answer.client_uuid:
            raise RefusedError("already_answered")
        return Stored(chose, fresh=False)
    if held.status != "active":
        raise RefusedError("over")
    if held.issued_trial_id != trial.id or held.issued_at is None:
        raise RefusedError("out_of_order")
    # A clock that was set back says nothing about how long the trial took; the flag says so.
    if 0 <= now - held.issued_at < plan.exposure_ms:
        raise RefusedError("too_early")
    if shown is None:
        _show(session, held, trial, answer.client_uuid, now)
    elif shown != answer.client_uuid:
        raise RefusedError("already_shown")
    transit = Transit(now - held.issued_at, answer.resent)
    values = _values(held, plan, trial, answer, transit)
    if not insert_ignore(session, Response, {**values, "received_at": now}):
        raise RefusedError("forged")
    return Stored(answer.chose, fresh=True)


def _state_of(
    session: Session, held: Holder, trial: PlannedTrial
) -> tuple[str | None, str | None, str]:
    """Who reported the onset, who answered, and what; by the page's uuids."""
    row = session.execute(_STATE_OF, {"holder": held.id, "trial": trial.id}).first()
    return (row[0], row[1], row[2] or "") if row else (None, None, "")


def _values(
    held: Holder, plan: Plan, trial: PlannedTrial, answer: Answer, transit: Transit
) -> dict[str, Any]:
    m = answer.measured
    passed = None if trial.instructed is None else answer.chose == trial.instructed
    return {
        "participant_id": held.id,
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
        "flags": ";".join(flags_of(m, plan.exposure_ms, passed, transit)),
        "texts_sha256": held.texts_sha256,
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
    participant_id: int,
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
            "participant_id": participant_id,
            "trial_id": trial_id,
            "kind": kind,
            "data": data,
            "client_uuid": client_uuid,
            "at": now,
        },
    )
