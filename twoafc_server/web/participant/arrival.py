"""The link that participants are given: meets the person, then hides the ids from the address."""

import secrets

from flask import Blueprint, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from twoafc_server.platforms.links import Visitor, visitor
from twoafc_server.platforms.tokens import LinkError
from twoafc_server.storage.database import writing
from twoafc_server.storage.models import Study
from twoafc_server.storage.participants import Arrival, arrive, by_session, has_place
from twoafc_server.storage.states import BEFORE_SLOT
from twoafc_server.storage.studies import by_name, protocol_of
from twoafc_server.web.installation.context import SESSION_KEY, engine, now, session_key, settings
from twoafc_server.web.participant.language import chosen, wording_for
from twoafc_server.web.participant.notices import notice

blueprint = Blueprint("arrival", __name__)


@blueprint.get("/study/<name>")
def enter(name: str) -> ResponseReturnValue:
    """A new person gets a session; a known one goes on, or sees how the study ended for them."""
    with writing(engine()) as database:
        study = by_name(database, name)
        if study is None:
            return notice("unknown", 404)
        g.study = study.name
        protocol = protocol_of(study)
        wording = wording_for(database, study)
        try:
            who = visitor(protocol.platform, request.args, settings().jwks)
        except LinkError:
            return notice("link_incomplete", 400, wording)
        if who is None:
            held = by_session(database, session_key()) if session_key() else None
            if held is not None and held.study_id == study.id and held.ended_at is None:
                return redirect(url_for("pages.here"), 303)
            who = Visitor(secrets.token_hex(12), "")
        arrival = arrive(database, study, settings().keys, who.external_id, who.session, now())
        refusal = _refusal(study, arrival, has_place(database, study, now()))
        if refusal:
            database.rollback()
            status = {"full": 409, "closed": 410}.get(refusal, 503)
            return notice(refusal, status, wording, protocol.platform)
    session.clear()
    chosen(protocol.offered)  # stays with the new session
    session[SESSION_KEY] = arrival.session_key
    again = 1 if arrival.participant.ended_at else None
    return redirect(url_for("pages.here", again=again), 303)


def _refusal(study: Study, arrival: Arrival, place: bool) -> str:
    """Why somebody without a slot cannot begin now; empty if they can."""
    if arrival.participant.status not in BEFORE_SLOT:
        return ""
    if study.status != "open":
        return study.status
    return "" if place else "full"
