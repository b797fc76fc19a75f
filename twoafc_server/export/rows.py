"""Rows out of the database: for files, for the checker and for the analysis. Never raw ids."""

import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from twoafc_server.base.clock import iso
from twoafc_server.design import exclusion, flags
from twoafc_server.design.check import FactRow, PlanRow
from twoafc_server.design.exclusion import Person, person_reason, trial_reason
from twoafc_server.formats.responses import HEADER, ResponseRow, to_csv
from twoafc_server.storage import studies
from twoafc_server.storage.models import (
    Event,
    Identity,
    Participant,
    Response,
    Showing,
    Slot,
    Stimulus,
    Study,
    Trial,
)


def responses(session: Session, study: Study) -> list[ResponseRow]:
    """Answers by slot, participant and trial."""
    query = (
        select(Response, Trial, Slot, Participant, Stimulus.image)
        .join(Trial, Trial.id == Response.trial_id)
        .join(Slot, Slot.id == Trial.slot_id)
        .join(Participant, Participant.id == Response.participant_id)
        .join(Stimulus, Stimulus.id == Trial.stimulus_id)
        .where(Participant.study_id == study.id)
        .order_by(Slot.number, Participant.id, Trial.number)
    )
    found = [Found(*row) for row in session.execute(query)]
    reasons = _person_reasons(study, found)
    return [_row(study, row, reasons[row.participant.id]) for row in found]


class Found(NamedTuple):
    """One answer with all that belongs to it."""

    response: Response
    trial: Trial
    slot: Slot
    participant: Participant
    image: str


def _person_reasons(study: Study, found: Iterable[Found]) -> dict[int, str]:
    rules = studies.protocol_of(study).rules
    people: dict[int, Participant] = {}
    marks: dict[int, list[list[str]]] = defaultdict(list)
    passed: Counter[int] = Counter()
    for row in found:
        person = row.participant.id
        people[person] = row.participant
        passed[person] += row.response.chose == row.trial.instructed
        if row.trial.phase == "test":
            marks[person].append(row.response.flags.split(";"))
    return {
        key: person_reason(rules, Person(person.status, passed[key], tuple(marks[key])))
        for key, person in people.items()
    }


def _row(study: Study, found: Found, person: str) -> ResponseRow:
    response, trial, slot, participant, image = found
    rules = studies.protocol_of(study).rules
    reason = person or trial_reason(rules, response.flags.split(";"))
    return ResponseRow(
        study=study.name,
        task=slot.task,
        participant=participant.pseudonym,
        slot=slot.number,
        trial=trial.number,
        phase=trial.phase,  # type: ignore[arg-type]
        position=trial.position,
        image=image,
        system=trial.system,
        side_model=trial.side_model,  # type: ignore[arg-type]
        chose=response.chose,  # type: ignore[arg-type]
        fooled=int(response.chose == trial.side_model),
        rt_ms=round(response.rt_ms, 3),
        exposure_ms_requested=float(slot.exposure_ms),
        exposure_ms_measured=round(response.exposure_ms, 3),
        frames_dropped=response.frames_dropped,
        hidden_ms=round(response.hidden_ms + response.blurred_ms, 3),
        flags=response.flags,
        excluded=int(bool(reason)),
        exclusion_reason=reason,
    )


def plan_rows(session: Session, study: Study) -> list[PlanRow]:
    """Every planned trial by slot and number."""
    query = (
        select(
            Slot.number.label("slot"),
            Slot.task,
            Slot.exposure_ms,
            Trial.number.label("trial"),
            Trial.phase,
            Trial.position,
            Stimulus.image,
            Trial.system,
            Trial.side_model,
            func.coalesce(Trial.instructed, "").label("instructed"),
        )
        .join(Trial, Trial.slot_id == Slot.id)
        .join(Stimulus, Stimulus.id == Trial.stimulus_id)
        .where(Slot.study_id == study.id)
        .order_by(Slot.number, Trial.number)
    )
    return [PlanRow(**row) for row in session.execute(query).mappings()]


def fact_rows(session: Session, study: Study) -> list[FactRow]:
    """Every trial that was shown to somebody, answered or not."""
    query = (
        select(
            Slot.number,
            Trial.number,
            Participant.pseudonym,
            Participant.status,
            Response.participant_id.is_not(None),
        )
        .select_from(Showing)
        .join(Trial, Trial.id == Showing.trial_id)
        .join(Slot, Slot.id == Trial.slot_id)
        .join(Participant, Participant.id == Showing.participant_id)
        .outerjoin(
            Response,
            (Response.participant_id == Showing.participant_id)
            & (Response.trial_id == Showing.trial_id),
        )
        .where(Participant.study_id == study.id)
        .order_by(Slot.number, Trial.number)
    )
    return [FactRow(*row) for row in session.execute(query)]


def participant_rows(session: Session, study: Study) -> list[dict[str, Any]]:
    """One row per participant, whatever their end."""
    answers: dict[str, list[ResponseRow]] = defaultdict(list)
    for row in responses(session, study):
        answers[row.participant].append(row)
    query = (
        select(Participant, Slot)
        .outerjoin(Slot, Slot.id == Participant.slot_id)
        .where(Participant.study_id == study.id)
        .order_by(Participant.id)
    )
    return [_person(p, slot, answers[p.pseudonym]) for p, slot in session.execute(query)]


def _person(p: Participant, slot: Slot | None, rows: Sequence[ResponseRow]) -> dict[str, Any]:
    whole = next((r.exclusion_reason for r in rows if r.exclusion_reason in _PERSONAL), "")
    return {
        "participant": p.pseudonym,
        "status": p.status,
        "slot": slot.number if slot else "",
        "task": slot.task if slot else "",
        "system": (slot.system or "") if slot else "",
        "exposure_ms": slot.exposure_ms if slot else "",
        "arrived_at": iso(p.arrived_at),
        "consented_at": iso(p.consented_at),
        "consent_texts": p.consent_texts or "",
        "ended_at": iso(p.ended_at),
        "answered": len(rows),
        "catch_passed": sum("catch_passed" in r.flags.split(";") for r in rows),
        "exclusion_reason": whole,
    }


_PERSONAL = frozenset({"incomplete", "failed_checks", "too_many_flagged"})


def event_rows(session: Session, study: Study) -> list[dict[str, Any]]:
    """The ledger in the order in which things were stored."""
    query = (
        select(Event, Participant.pseudonym, Trial.number)
        .join(Participant, Participant.id == Event.participant_id)
        .outerjoin(Trial, Trial.id == Event.trial_id)
        .where(Participant.study_id == study.id)
        .order_by(Event.id)
    )
    return [
        {
            "participant": pseudonym,
            "trial": number or "",
            "at": iso(event.at),
            "kind": event.kind,
            "data": json.dumps(event.data, sort_keys=True),
        }
        for event, pseudonym, number in session.execute(query)
    ]


def identity_rows(session: Session, study: Study) -> list[dict[str, Any]]:
    """Raw ids beside pseudonyms: for payment, and only on request by name."""
    query = (
        select(Participant.pseudonym, Identity.external_id, Identity.external_session)
        .join(Identity, Identity.participant_id == Participant.id)
        .where(Participant.study_id == study.id)
        .order_by(Participant.id)
    )
    names = ("participant", "external_id", "external_session")
    return [dict(zip(names, row, strict=True)) for row in session.execute(query)]


def codebook() -> dict[str, Any]:
    """What columns, flags and exclusion reasons mean."""
    return {"columns": COLUMNS, "flags": flags.MEANING, "exclusion_reasons": exclusion.MEANING}


COLUMNS = {
    "study": "name of the study",
    "task": "task1: the systems' input is shown in the middle; task2: it is not",
    "participant": "pseudonym, 32 hexadecimal digits, the same within a study only",
    "slot": "number of the planned sequence that the participant followed",
    "trial": "number of the trial in the slot, from 1, practice and catch trials included",
    "phase": "practice (with feedback), test, or catch (a side is named)",
    "position": "number of the trial within its phase, from 1",
    "image": "name of the image in the stimulus manifest",
    "system": "the system whose output was shown beside the reference",
    "side_model": "the side of that output",
    "chose": "the side that was chosen",
    "fooled": "1 if the chosen image is the system's output",
    "rt_ms": "milliseconds from the end of the exposure to the answer",
    "exposure_ms_requested": "milliseconds the pair was to be shown",
    "exposure_ms_measured": "milliseconds from first to last frame, by frame time stamps",
    "frames_dropped": "display frames missed during the exposure",
    "hidden_ms": "milliseconds that the page was hidden or out of focus during the exposure",
    "flags": "observations on the trial, separated by semicolons",
    "excluded": "1 if the rules locked with the study exclude the trial from analysis",
    "exclusion_reason": "which rule excludes it",
}
assert tuple(COLUMNS) == HEADER


def bundle_files(session: Session, study: Study, now: int) -> dict[str, bytes]:
    """The files of a sealed bundle; see `twoafc_server.formats.bundle`."""
    protocol = studies.protocol_of(study)
    about = {
        "study": study.name,
        "study_file": json.loads(protocol.to_json()),
        "study_file_sha256": study.protocol_sha256,
        "manifest_sha256": study.manifest_sha256,
        "texts_sha256": study.texts_sha256,
        "task_texts": studies.texts_of(session, study),
        "locked_at": iso(study.created_at),
        "exported_at": iso(now),
    }
    return {
        "protocol.json": _json(about),
        "stimuli.json": study.manifest.encode(),
        "plan.csv": table([asdict(row) for row in plan_rows(session, study)]).encode(),
        "responses.csv": to_csv(responses(session, study)).encode(),
        "participants.csv": table(participant_rows(session, study)).encode(),
        "events.csv": table(event_rows(session, study)).encode(),
        "codebook.json": _json(codebook()),
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode()


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as CSV text; empty text for no rows."""
    if not rows:
        return ""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()
