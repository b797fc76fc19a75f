"""What a study does with personal data, on one page that needs no session."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from twoafc_server.storage.database import reading
from twoafc_server.storage.studies import by_name, protocol_of
from twoafc_server.web.installation import context
from twoafc_server.web.participant.language import wording_for
from twoafc_server.web.participant.notices import notice

blueprint = Blueprint("privacy", __name__)


@blueprint.get("/study/<name>/privacy")
def page(name: str) -> ResponseReturnValue:
    """The visitor's own reference is shown to them alone: with it they can ask for erasure."""
    with reading(context.engine()) as database:
        study = by_name(database, name)
        if study is None:
            return notice("unknown", 404)
        person = context.participant(database)
        own = person if person is not None and person.study_id == study.id else None
        protocol = protocol_of(study)
        return render_template(
            "privacy.html",
            wording=wording_for(database, study, own),
            contact=protocol.contact,
            recruited=protocol.platform.kind != "local",
            reference=own.pseudonym if own else "",
        )
