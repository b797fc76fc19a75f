"""The script's way through the trials: next, onset, answer, and the ledger of events.

No reply names a system, a file, a side or the truth, but the feedback of practice trials.
"""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, jsonify, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from twoafc_server.storage.database import writing
from twoafc_server.storage.models import Participant, Slot, Trial
from twoafc_server.storage.participants import expire_if_due
from twoafc_server.storage.studies import protocol_of
from twoafc_server.storage.trials import (
    RefusedError,
    complete,
    issue_next,
    report_onset,
    store_answer,
    store_event,
    trials_of,
)
from twoafc_server.web.installation import context
from twoafc_server.web.participant import payload
from twoafc_server.web.participant.composite import geometry
from twoafc_server.web.participant.device import number_in
from twoafc_server.web.participant.language import wording_for

blueprint = Blueprint("trials", __name__, url_prefix="/session/api")

Reply = dict[str, Any]


def _run(act: Callable[[Session, Participant, int], Reply]) -> ResponseReturnValue:
    """Act on the visitor's locked row; one transaction, all or nothing."""
    try:
        with writing(context.engine()) as database:
            person = context.participant(database, lock=True)
            if person is None:
                return jsonify(error="moved"), 401
            expired = expire_if_due(database, person, context.now())
            if not expired and person.status == "active":
                return jsonify(act(database, person, context.now()))
        return jsonify(error="over"), 410
    except RefusedError as refusal:
        return jsonify(error=refusal.code), 409


def named_trial(database: Session, person: Participant, token: str, purpose: str) -> Trial:
    """The trial of this session that a token stands for. Raises NotFound."""
    make = context.settings().keys.trial_token
    for trial in trials_of(database, person):
        if make(person.session, trial.id, purpose) == token:
            return trial
    raise NotFound


@blueprint.post("/next")
def next_trial() -> ResponseReturnValue:
    """The trial to show now, or that all are over and counted."""

    def act(database: Session, person: Participant, now: int) -> Reply:
        trial = issue_next(database, person, now)
        if trial is None:
            complete(database, person, person.study, now)
            return {"state": "over", "go": url_for("pages.here")}
        return _shown(database, person, trial)

    return _run(act)


def _shown(database: Session, person: Participant, trial: Trial) -> Reply:
    study = protocol_of(person.study)
    wording = wording_for(database, person.study, person)
    slot = database.get_one(Slot, trial.slot_id)
    size = (person.study.width, person.study.height)
    layout = geometry(size, study.display, slot.task == "task1")
    tokens = context.settings().keys
    practice = trial.phase == "practice"
    key = f"catch_{trial.instructed}" if trial.instructed else f"question_{slot.task}"
    begun = trial.number - (0 if practice else study.design.practice_trials)
    planned = study.design.images_per_participant + study.design.catch_trials
    of = study.design.practice_trials if practice else planned
    return {
        "state": "trial",
        "token": tokens.trial_token(person.session, trial.id, "answer"),
        "image": url_for(
            "pictures.picture", token=tokens.trial_token(person.session, trial.id, "picture")
        ),
        "practice": practice,
        "position": begun,
        "of": of,
        "progress": wording(
            "trial.practice" if practice else "trial.progress", position=begun, of=of
        ),
        "question": wording(f"trial.question_{slot.task}"),
        "ask": wording(f"trial.{key}"),
        "exposure_ms": slot.exposure_ms,
        "fixation_ms": study.timing.fixation_ms,
        "mask_ms": study.timing.mask_ms,
        "feedback_ms": study.timing.feedback_ms,
        "width": layout.width,
        "height": layout.height,
        "panels": layout.panels,
        "background": study.display.background,
        "max_zoom": study.display.max_zoom,
    }


@blueprint.post("/onset")
def onset() -> ResponseReturnValue:
    table = payload.body()
    token, uuid = payload.token_in(table), payload.uuid_in(table)

    def act(database: Session, person: Participant, now: int) -> Reply:
        trial = named_trial(database, person, token, "answer")
        report_onset(database, person, trial, uuid, now)
        return {"state": "stored"}

    return _run(act)


@blueprint.post("/answer")
def answer() -> ResponseReturnValue:
    table = payload.body()
    token, given = payload.token_in(table), payload.answer_in(table)

    def act(database: Session, person: Participant, now: int) -> Reply:
        trial = named_trial(database, person, token, "answer")
        stored = store_answer(database, person, trial, given, now)
        reply: Reply = {"state": "stored"}
        if trial.phase == "practice":
            reply["right"] = stored.chose != trial.side_model
        return reply

    return _run(act)


@blueprint.post("/event")
def event() -> ResponseReturnValue:
    table = payload.body()
    uuid = payload.uuid_in(table)
    kind = payload.choice_in(table, "kind", payload.EVENT_KINDS)
    token = payload.token_in(table) if "token" in table else ""
    at = number_in(table.get("at_ms"), 0, 1e12)

    def act(database: Session, person: Participant, now: int) -> Reply:
        trial = named_trial(database, person, token, "answer") if token else None
        trial_id = trial.id if trial else None
        store_event(database, person, trial_id, uuid, kind, {"page_ms": at}, now)
        return {"state": "stored"}

    return _run(act)
