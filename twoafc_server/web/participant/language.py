"""Which language a visitor reads: as agreed to, else chosen by link, else the browser's."""

from collections.abc import Sequence

from flask import request, session
from sqlalchemy.orm import Session

from twoafc_server.storage.models import Participant, Study, Texts
from twoafc_server.storage.studies import protocol_of, texts_in
from twoafc_server.texts.wording import Wording

_KEY = "l"


def chosen(offered: Sequence[str]) -> str:
    """`?lang=`, which the session remembers; what it remembered; the browser's best; the first."""
    asked = request.args.get("lang", "")
    if asked in offered:
        session[_KEY] = asked
        return asked
    known = session.get(_KEY)
    if known in offered:
        return str(known)
    # best_match takes the first of equals, and "de-AT" for "de".
    return request.accept_languages.best_match(list(offered)) or offered[0]


def texts_for(database: Session, study: Study, person: Participant | None = None) -> Texts:
    """The texts that a visitor sees; from consent on in the version that they agreed to."""
    if person is not None and person.consent_texts is not None:
        return database.get_one(Texts, person.consent_texts)
    return texts_in(database, study, chosen(protocol_of(study).offered))


def wording_for(database: Session, study: Study, person: Participant | None = None) -> Wording:
    shown = texts_for(database, study, person)
    return Wording(shown.content, protocol_of(study), shown.language)
