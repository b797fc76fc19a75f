"""Finding studies, and what is fixed about each."""

import json
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from twoafc_server.base.errors import InputError
from twoafc_server.design.study_file import StudyFile, from_dict, is_name
from twoafc_server.storage.models import Audit, Slot, Study, Texts, Translation


@lru_cache(maxsize=64)
def _parsed(protocol: str) -> tuple[StudyFile, str]:
    study = from_dict(json.loads(protocol), "stored study")
    return study, study.sha256()


def protocol_of(study: Study) -> StudyFile:
    """The study file as it was locked. Raises InputError if it was edited in the database."""
    parsed, sha256 = _parsed(study.protocol)
    if sha256 != study.protocol_sha256:
        raise InputError(
            f"study {study.name!r} was edited after it was created: its protocol has hash "
            f"{sha256[:12]}, the locked one is {study.protocol_sha256[:12]}"
        )
    return parsed


def by_name(session: Session, name: str) -> Study | None:
    """A study by a name that anybody may have typed into an address."""
    # What cannot be a name is not asked for: PostgreSQL refuses some characters with an error.
    return session.scalar(select(Study).where(Study.name == name)) if is_name(name) else None


def find(session: Session, name: str) -> Study:
    """A study by name. Raises InputError that names the known ones."""
    study = by_name(session, name)
    if study is None:
        known = session.scalars(select(Study.name).order_by(Study.name)).all()
        raise InputError(f"found no study {name!r}: known are {', '.join(known) or 'none yet'}")
    return study


def texts_of(session: Session, study: Study) -> dict[str, str]:
    """All texts of a study, as they were fixed."""
    row = session.get_one(Texts, study.texts_sha256)
    return row.content


def texts_in(session: Session, study: Study, language: str) -> Texts:
    """The texts of a study in one language; in its own where it has no other."""
    other = session.get(Translation, (study.id, language))
    return session.get_one(Texts, other.texts_sha256 if other else study.texts_sha256)


def set_status(session: Session, study: Study, status: str, researcher: str, now: int) -> None:
    """Open, pause or close a study, and log who did it."""
    study.status = status
    log(session, study, researcher, status, now)


def unblind(session: Session, study: Study, researcher: str, now: int) -> None:
    """Show rates before the planned n; once, by name, and logged."""
    if study.unblinded_at is None:
        study.unblinded_at = now
        study.unblinded_by = researcher
        log(session, study, researcher, "unblind", now)


def log(session: Session, study: Study | None, researcher: str, action: str, now: int) -> None:
    session.add(
        Audit(study_id=study.id if study else None, researcher=researcher, action=action, at=now)
    )


@dataclass(frozen=True)
class SlotCounts:
    free: int
    claimed: int
    done: int

    @property
    def planned(self) -> int:
        return self.free + self.claimed + self.done


def slot_counts(session: Session, study: Study) -> SlotCounts:
    rows = session.execute(
        select(Slot.state, func.count()).where(Slot.study_id == study.id).group_by(Slot.state)
    )
    counts: dict[str, int] = {row[0]: row[1] for row in rows}
    return SlotCounts(counts.get("free", 0), counts.get("claimed", 0), counts.get("done", 0))
