"""Where Prolific tells of changed submissions; signed, repeatable, in any order."""

import base64
import hmac
import json
from typing import Any

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from twoafc_server.storage import payouts
from twoafc_server.storage.database import writing
from twoafc_server.storage.models import Identity, Participant, Study
from twoafc_server.storage.studies import protocol_of
from twoafc_server.web.installation import context

blueprint = Blueprint("webhook", __name__)

_LATEST_S = 300


@blueprint.post("/hooks/prolific")
def prolific() -> ResponseReturnValue:
    """An event with a right signature always gets 200, so that it is not sent for ever."""
    stamp = request.headers.get("X-Prolific-Request-Timestamp", "")
    if not _signed(stamp, request.get_data(), context.settings().webhook_secret):
        abort(404)
    if not stamp.isdecimal() or abs(context.now() / 1000 - int(stamp)) > _LATEST_S:
        abort(404)
    try:
        event = json.loads(request.get_data())
        person, submission = str(event["participant_id"]), str(event["resource_id"])
        status = str(event["status"]).upper().replace("_", " ")[:40]
    except (ValueError, KeyError, TypeError):
        return "", 200
    if event.get("event_type") == "submission.status.change":
        _store(person, submission, status, int(stamp) * 1000)
    return "", 200


def _signed(stamp: str, body: bytes, secret: str) -> bool:
    """HMAC-SHA256 of time stamp and body under the webhook's secret, in base64."""
    digest = hmac.digest(secret.encode(), stamp.encode() + body, "sha256")
    given = request.headers.get("X-Prolific-Request-Signature", "")
    right = hmac.compare_digest(base64.b64encode(digest), given.encode())
    return bool(secret) and right


def _store(person: str, submission: str, status: str, at: int) -> None:
    """For the participant of that submission; an id in several studies is left to the poll."""
    with writing(context.engine()) as database:
        found: list[Any] = []
        for study in database.scalars(select(Study)):
            if protocol_of(study).platform.kind != "prolific":
                continue
            pseudonym = context.settings().keys.pseudonym(study.name, person)
            found += database.execute(
                select(Participant.id, Identity.external_session)
                .outerjoin(Identity, Identity.participant_id == Participant.id)
                .where(Participant.study_id == study.id, Participant.pseudonym == pseudonym)
            ).all()
        exact = [row.id for row in found if row.external_session == submission]
        for key in exact or [row.id for row in found if len(found) == 1]:
            payouts.hear(database, key, status, at)
