"""`retain`: deletes raw ids whose time is over, and everything of people who never agreed.

Run it daily, from a timer.
"""

from sqlalchemy import delete, select

from twoafc_server.base.clock import now_ms
from twoafc_server.cli.common import add_database, parser
from twoafc_server.storage.database import writing
from twoafc_server.storage.migrate import ready_engine
from twoafc_server.storage.models import Identity, Participant, Study
from twoafc_server.storage.participants import erase
from twoafc_server.storage.studies import protocol_of

_DAY_MS = 86_400_000


def main(argv: list[str]) -> int:
    options = parser("retain", __doc__ or "")
    add_database(options)
    given = options.parse_args(argv)
    with writing(ready_engine(given.db)) as session:
        for study in session.scalars(select(Study).order_by(Study.name)).all():
            days = protocol_of(study).retention_days
            people = select(Participant.id).where(Participant.study_id == study.id)
            due = (Identity.stored_at <= now_ms() - days * _DAY_MS) & Identity.participant_id.in_(
                people
            )
            gone = len(
                session.scalars(
                    delete(Identity).where(due).returning(Identity.participant_id)
                ).all()
            )
            print(f"{study.name}: deleted {gone} ids older than {days} days")
            never = session.scalars(
                select(Participant).where(
                    Participant.study_id == study.id,
                    Participant.status == "arrived",
                    Participant.arrived_at <= now_ms() - days * _DAY_MS,
                )
            ).all()
            for person in never:
                erase(session, person)
            if never:
                print(f"{study.name}: erased {len(never)} people who never agreed")
    return 0
