"""`erase`: removes every row of one participant, named by platform id or by pseudonym."""

import os

from sqlalchemy import or_, select

from twoafc_server.base.clock import now_ms
from twoafc_server.base.environment import PSEUDONYM_KEY
from twoafc_server.base.errors import InputError
from twoafc_server.base.keys import keys_from
from twoafc_server.cli.common import add_database, add_study, parser
from twoafc_server.storage import studies
from twoafc_server.storage.database import writing
from twoafc_server.storage.migrate import ready_engine
from twoafc_server.storage.models import Identity, Participant
from twoafc_server.storage.participants import erase


def main(argv: list[str]) -> int:
    options = parser("erase", __doc__ or "")
    add_study(options)
    options.add_argument("participant", help="the platform's id, or the pseudonym")
    add_database(options)
    given = options.parse_args(argv)
    with writing(ready_engine(given.db)) as session:
        study = studies.find(session, given.study)
        person = session.scalar(
            select(Participant)
            .outerjoin(Identity, Identity.participant_id == Participant.id)
            .where(
                Participant.study_id == study.id,
                or_(
                    Identity.external_id == given.participant,
                    Participant.pseudonym.in_(_pseudonyms(study.name, given.participant)),
                ),
            )
        )
        if person is None:
            raise InputError(
                f"found no such participant in {study.name!r}: give the platform's id (after its "
                f"deletion with {PSEUDONYM_KEY} set) or the pseudonym"
            )
        erase(session, person)
        studies.log(session, study, os.environ.get("USER") or "command line", "erase", now_ms())
    print(f"erased 1 participant of {given.study}; a slot that they held is free again")
    return 0


def _pseudonyms(study: str, given: str) -> list[str]:
    """The id as a pseudonym itself and, where the keys are set, turned into one."""
    if os.environ.get(PSEUDONYM_KEY):
        return [given, keys_from(os.environ).pseudonym(study, given)]
    return [given]
