"""The composite of the trial that was handed out, once, to the session it was handed to."""

import hmac

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from twoafc_server.design.study_file import Display
from twoafc_server.storage.database import reading
from twoafc_server.storage.models import (
    Output,
    Participant,
    Picture,
    Showing,
    Slot,
    Stimulus,
    Trial,
)
from twoafc_server.storage.studies import protocol_of
from twoafc_server.web.installation import context
from twoafc_server.web.participant import composite

blueprint = Blueprint("pictures", __name__, url_prefix="/session")


@blueprint.get("/picture/<token>")
def picture(token: str) -> ResponseReturnValue:
    """PNG of the trial at hand. The database is let go before the picture is made."""
    with reading(context.engine()) as database:
        person = context.participant(database)
        if person is None or person.issued_trial_id is None or person.status != "active":
            raise NotFound
        expected = context.settings().keys.trial_token(
            person.session, person.issued_trial_id, "picture"
        )
        if not hmac.compare_digest(expected.encode(), token.encode()):
            raise NotFound
        if database.get(Showing, (person.id, person.issued_trial_id)) is not None:
            raise NotFound
        parts = _parts(database, person, person.issued_trial_id)
    return Response(composite.render(*parts), mimetype="image/png")


def _parts(
    database: Session, person: Participant, trial_id: int
) -> tuple[bytes, bytes, bytes | None, Display]:
    """Left, right and, for task 1, the low-resolution picture; and how to lay them out."""
    study = protocol_of(person.study)
    trial = database.get_one(Trial, trial_id)
    slot = database.get_one(Slot, trial.slot_id)
    stimulus = database.get_one(Stimulus, trial.stimulus_id)
    outputs = dict(
        database.execute(
            select(Output.system, Output.picture).where(Output.stimulus_id == stimulus.id)
        ).all()
    )
    reference = outputs.get(study.design.reference, stimulus.hr)
    left, right = outputs[trial.system], reference
    if trial.side_model == "right":
        left, right = right, left
    png = {sha: database.get_one(Picture, sha).png for sha in sorted({left, right, stimulus.lr})}
    return png[left], png[right], png[stimulus.lr] if slot.task == "task1" else None, study.display
