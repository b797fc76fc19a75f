"""The pages around the trials. One address shows the page that fits where a participant stands."""

from collections.abc import Callable

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from twoafc_server.design.study_file import StudyFile
from twoafc_server.platforms.links import way_back
from twoafc_server.storage import participants
from twoafc_server.storage.database import reading, writing
from twoafc_server.storage.models import Participant, Study
from twoafc_server.storage.states import ENDED
from twoafc_server.storage.studies import protocol_of
from twoafc_server.texts.wording import Wording
from twoafc_server.web.installation import context
from twoafc_server.web.participant.composite import geometry
from twoafc_server.web.participant.device import read_device
from twoafc_server.web.participant.language import texts_for, wording_for
from twoafc_server.web.participant.notices import notice

blueprint = Blueprint("pages", __name__, url_prefix="/session")

Change = Callable[[Session, Participant, int], None]


@blueprint.get("")
def here() -> ResponseReturnValue:
    """The page of the participant's present state."""
    with writing(context.engine()) as database:
        person = context.participant(database, lock=True)
        if person is None:
            return notice("unknown", 404)
        participants.expire_if_due(database, person, context.now())
        study = protocol_of(person.study)
        wording = wording_for(database, person.study, person)
        return _page(person, study, wording)


def _page(person: Participant, study: StudyFile, wording: Wording) -> ResponseReturnValue:
    if person.status in ENDED:
        return _end(person, study, wording)
    if person.status == "arrived":
        return render_template("consent.html", wording=wording, study=study)
    if person.status == "consented":
        return render_template("screening.html", wording=wording, study=study)
    if person.status == "screened":
        if person.study.status != "open":
            status = {"closed": 410}.get(person.study.status, 503)
            return notice(person.study.status, status, wording, study.platform)
        if person.device is not None:
            return _full(study, wording)
        return _device(person.study, study, wording)
    if person.issued_trial_id is None:
        return _instructions(person, study, wording)
    return redirect(url_for("pages.trials"), 303)


def _full(study: StudyFile, wording: Wording) -> ResponseReturnValue:
    """All places were taken between arrival and claim; the same page tries again."""
    code = study.platform.codes.full
    back = way_back(study.platform, code)
    return render_template("full.html", wording=wording, code=code, way_back=back), 409


def _end(person: Participant, study: StudyFile, wording: Wording) -> ResponseReturnValue:
    outcome = person.status
    code = getattr(study.platform.codes, outcome)
    if not code and outcome in {"completed", "failed_checks"}:
        code = context.settings().keys.personal_code(study.name, person.pseudonym, outcome)
    return render_template(
        "end.html",
        wording=wording,
        outcome=outcome,
        code=code,
        way_back=way_back(study.platform, code),
        again="again" in request.args,
        models=study.design.reference != "hr",
    )


def _device(row: Study, study: StudyFile, wording: Wording) -> ResponseReturnValue:
    size = (row.width, row.height)
    layouts = [geometry(size, study.display, task == "task1") for task in study.design.tasks]
    return render_template(
        "device.html",
        wording=wording,
        width=max(layout.width for layout in layouts),
        height=max(layout.height for layout in layouts),
        hertz=study.display.min_refresh_hz,
    )


def _instructions(person: Participant, study: StudyFile, wording: Wording) -> ResponseReturnValue:
    slot = person.slot
    if slot is None:
        raise RuntimeError("an active participant holds a slot")
    design = study.design
    return render_template(
        "instructions.html",
        wording=wording,
        what="models" if design.reference != "hr" else slot.task,
        question=wording(f"trial.question_{slot.task}"),
        seconds=wording.seconds(slot.exposure_ms),
        practice=design.practice_trials,
        trials=design.images_per_participant + design.catch_trials,
    )


@blueprint.get("/trials")
def trials() -> ResponseReturnValue:
    """The page of the timed part; its script asks for one trial after another."""
    with reading(context.engine()) as database:
        person = context.participant(database)
        if person is None or person.status != "active":
            return redirect(url_for("pages.here"), 303)
        wording = wording_for(database, person.study, person)
        issued = person.issued_trial_id
        keys = context.settings().keys
        after = keys.trial_token(person.session, issued, "answer") if issued else ""
        return render_template("trials.html", wording=wording, after=after)


def _change(change: Change) -> ResponseReturnValue:
    """Apply a change to the visitor's locked row, then show where they stand."""
    with writing(context.engine()) as database:
        person = context.participant(database, lock=True)
        if person is None:
            return notice("unknown", 404)
        change(database, person, context.now())
    return redirect(url_for("pages.here"), 303)


@blueprint.post("/consent")
def consent() -> ResponseReturnValue:
    agreed = request.form.get("answer") == "agree" and request.form.get("read") == "yes"
    refused = request.form.get("answer") == "refuse"

    def change(database: Session, person: Participant, now: int) -> None:
        if agreed or refused:
            shown = texts_for(database, person.study, person)
            participants.consent(database, person, agreed, now, shown.sha256)
            if not protocol_of(person.study).screening:
                participants.screen(database, person, [], now)

    return _change(change)


@blueprint.post("/screening")
def screening() -> ResponseReturnValue:
    def change(database: Session, person: Participant, now: int) -> None:
        count = len(protocol_of(person.study).screening)
        answers = [request.form.get(f"q{n}", "") for n in range(count)]
        if all(answers):
            participants.screen(database, person, answers, now)

    return _change(change)


@blueprint.post("/device")
def device() -> ResponseReturnValue:
    """What the script measured; then the slot is claimed."""
    measured = read_device(request.form)

    def change(database: Session, person: Participant, now: int) -> None:
        participants.store_device(database, person, measured, now)
        if person.study.status == "open":
            participants.claim(database, person, now)

    return _change(change)


@blueprint.post("/place")
def place() -> ResponseReturnValue:
    """Try again for a slot after `full`."""

    def change(database: Session, person: Participant, now: int) -> None:
        if person.device is not None and person.study.status == "open":
            participants.claim(database, person, now)

    return _change(change)


@blueprint.post("/incompatible")
def incompatible() -> ResponseReturnValue:
    return _change(participants.give_up_device)


@blueprint.get("/leave")
def ask_to_leave() -> ResponseReturnValue:
    with reading(context.engine()) as database:
        person = context.participant(database)
        if person is None or person.status in ENDED:
            return redirect(url_for("pages.here"), 303)
        wording = wording_for(database, person.study, person)
        return render_template("leave.html", wording=wording)


@blueprint.post("/leave")
def leave() -> ResponseReturnValue:
    return _change(participants.withdraw)
