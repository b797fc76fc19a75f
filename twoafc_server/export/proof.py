"""The checker on stored studies."""

from collections import Counter

from sqlalchemy import select
from sqlalchemy.orm import Session

from twoafc_server.design.check import Finding, check_fact, check_plan
from twoafc_server.export.rows import fact_rows, plan_rows
from twoafc_server.storage.models import Slot, Study
from twoafc_server.storage.studies import protocol_of


def prove(session: Session, study: Study) -> list[Finding]:
    """Recount a study's plan and what was shown of it.

    Raises InputError if its protocol was edited.
    """
    plan = plan_rows(session, study)
    systems = sorted({row.system for row in plan if row.phase == "test"})
    slots = session.execute(select(Slot.number, Slot.state).where(Slot.study_id == study.id))
    states = dict(slots.all())
    done = [number for number, state in states.items() if state == "done"]
    facts = fact_rows(session, study)
    return [
        *check_plan(protocol_of(study), systems, plan),
        *check_fact(plan, facts, done, Counter(states.values())),
    ]
