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
from twoafc_server.storage.holder import Holder
from twoafc_server.storage.models import Participant
from twoafc_server.storage.participants import expire_if_due
from twoafc_server.storage.plans import Plan, PlannedTrial
from twoafc_server.storage.states import WITH_RESULT
from twoafc_server.storage.trials import (
    RefusedError,
    complete,
    issue_after,
    issue_behind,
    issue_next,
    report_onset,
    store_answer,
    store_event,
    was_shown,
)
from twoafc_server.texts.wording import Wording
from twoafc_server.web.installation import context
from twoafc_server.web.participant import payload
from twoafc_server.web.participant.composite import geometry
from twoafc_server.web.participant.device import number_in

blueprint = Blueprint("trials", __name__, url_prefix="/session/api")

Reply = dict[str, Any]
Act = Callable[[Session, Holder, Plan, int], Reply]


def _run(act: Act, states: tuple[str, ...] = ("active",)) -> ResponseReturnValue:
    """Act on the visitor's locked row in one of `states`; one transaction, all or nothing."""
    try:
        with writing(context.engine()) as database:
            held = context.holder(database, lock=True)
            if held is None:
                return jsonify(error="moved"), 401
            now = context.now()
            due = held.lease_until is not None and held.lease_until <= now
            if held.status == "active" and due:
                expire_if_due(database, database.get_one(Participant, held.id), now)
            elif held.status in states and held.slot_id is not None:
                plan = context.plans().of(database, held.slot_id)
                return jsonify(act(database, held, plan, now))
        return jsonify(error="over"), 410
    except RefusedError as refusal:
        return jsonify(error=refusal.code), 409


def named_trial(held: Holder, plan: Plan, token: str, purpose: str) -> PlannedTrial:
    """The trial of this session that a token stands for. Raises NotFound."""
    keys = context.settings().keys
    # The one at hand is nearly always meant.
    for trial in sorted(plan.trials, key=lambda trial: trial.id != held.issued_trial_id):
        if keys.stands_for(token, held.session, trial.id, purpose):
            return trial
    raise NotFound


@blueprint.post("/next")
def next_trial() -> ResponseReturnValue:
    """The trial to show now, or that all are over and counted.

    `after` names the last trial that the page knows of, so that a request that comes late or twice
    does not take a trial off the screen.
    """
    table = payload.body()
    after = payload.token_in(table, "after") if table.get("after") else ""

    def act(database: Session, held: Holder, plan: Plan, now: int) -> Reply:
        if held.status != "active":
            return _over()
        if "after" not in table:
            return _go_on(database, held, plan, issue_next(database, held, plan, now), now)
        last = named_trial(held, plan, after, "answer") if after else None
        return _go_on(database, held, plan, issue_after(database, held, plan, last, now), now)

    return _run(act, WITH_RESULT)


def _go_on(
    database: Session, held: Holder, plan: Plan, trial: PlannedTrial | None, now: int
) -> Reply:
    if trial is not None:
        return _shown(database, held, plan, trial)
    person = database.get_one(Participant, held.id)
    complete(database, person, person.study, now)
    return _over()


def _over() -> Reply:
    return {"state": "over", "go": url_for("pages.here")}


def _shown(database: Session, held: Holder, plan: Plan, trial: PlannedTrial) -> Reply:
    study = plan.study
    wording = Wording(context.plans().texts(database, held.texts_sha256), study)
    layout = geometry(plan.size, study.display, plan.task == "task1")
    keys = context.settings().keys
    practice = trial.phase == "practice"
    key = f"catch_{trial.instructed}" if trial.instructed else f"question_{plan.task}"
    begun = trial.number - (0 if practice else study.design.practice_trials)
    planned = study.design.images_per_participant + study.design.catch_trials
    of = study.design.practice_trials if practice else planned
    return {
        "state": "trial",
        "token": keys.trial_token(held.session, trial.id, "answer"),
        "image": url_for(
            "pictures.picture", token=keys.trial_token(held.session, trial.id, "picture")
        ),
        "practice": practice,
        "position": begun,
        "of": of,
        "progress": wording(
            "trial.practice" if practice else "trial.progress", position=begun, of=of
        ),
        "question": wording(f"trial.question_{plan.task}"),
        "ask": wording(f"trial.{key}"),
        "exposure_ms": plan.exposure_ms,
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

    def act(database: Session, held: Holder, plan: Plan, now: int) -> Reply:
        report_onset(database, held, named_trial(held, plan, token, "answer"), uuid, now)
        return {"state": "stored"}

    return _run(act, WITH_RESULT)


@blueprint.post("/answer")
def answer() -> ResponseReturnValue:
    """Stores an answer; the reply brings the trial that follows, which saves a request."""
    table = payload.body()
    token, given = payload.token_in(table), payload.answer_in(table)

    def act(database: Session, held: Holder, plan: Plan, now: int) -> Reply:
        trial = named_trial(held, plan, token, "answer")
        stored = store_answer(database, held, plan, trial, given, now)
        reply: Reply = {"state": "stored"}
        if trial.phase == "practice":
            reply["right"] = stored.chose != trial.side_model
        if stored.fresh:
            follows = issue_behind(database, held, plan, trial, now)
            reply["next"] = _go_on(database, held, plan, follows, now)
        elif held.status != "active":
            reply["next"] = _over()
        else:
            reply |= _still_waiting(database, held, plan, plan.after(trial))
        return reply

    # The reply to the last answer may be lost, too.
    return _run(act, WITH_RESULT)


def _still_waiting(
    database: Session, held: Holder, plan: Plan, trial: PlannedTrial | None
) -> Reply:
    """The trial again, if it was handed out and has not been on the screen yet."""
    if trial is None or trial.id != held.issued_trial_id or was_shown(database, held.id, trial.id):
        return {}
    return {"next": _shown(database, held, plan, trial)}


@blueprint.post("/event")
def event() -> ResponseReturnValue:
    table = payload.body()
    uuid = payload.uuid_in(table)
    kind = payload.choice_in(table, "kind", payload.EVENT_KINDS)
    token = payload.token_in(table) if "token" in table else ""
    at = number_in(table.get("at_ms"), 0, 1e12)

    def act(database: Session, held: Holder, plan: Plan, now: int) -> Reply:
        trial_id = named_trial(held, plan, token, "answer").id if token else None
        store_event(database, held.id, trial_id, uuid, kind, {"page_ms": at}, now)
        return {"state": "stored"}

    return _run(act)
