"""The composite of the trial that was handed out, once, to the session it was handed to."""

from typing import cast

from flask import Blueprint, Response, current_app
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from twoafc_server.storage.database import looking
from twoafc_server.web.installation import context
from twoafc_server.web.participant import composite
from twoafc_server.web.participant.panels import Panels, parts

blueprint = Blueprint("pictures", __name__, url_prefix="/session")


@blueprint.get("/picture/<token>")
def picture(token: str) -> ResponseReturnValue:
    """PNG of the trial at hand. The database is let go before the picture is made."""
    keys = context.settings().keys
    panels = cast(Panels, current_app.extensions["twoafc_panels"])
    with looking(context.engine()) as database:
        held, over = context.watched(database) or (None, False)
        if held is None or held.issued_trial_id is None or held.status != "active":
            raise NotFound
        if not keys.stands_for(token, held.session, held.issued_trial_id, "picture"):
            raise NotFound
        if held.slot_id is None or over:
            raise NotFound
        plan = context.plans().of(database, held.slot_id)
        trial = plan.by_id(held.issued_trial_id)
        if trial is None:
            raise NotFound
        shown = parts(database, panels, plan, trial)
    return Response(composite.render(*shown), mimetype="image/png")
