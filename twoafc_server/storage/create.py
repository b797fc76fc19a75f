"""Creating a study: its pictures, texts and every slot, in one transaction."""

from collections.abc import Mapping

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from twoafc_server.base.errors import InputError
from twoafc_server.design.allocation import PlannedSlot, Pool, plan
from twoafc_server.design.stimuli import StimulusFiles, StimulusFolder
from twoafc_server.design.study_file import StudyFile
from twoafc_server.storage.models import (
    Output,
    Picture,
    Slot,
    Stimulus,
    Study,
    Texts,
    Translation,
    Trial,
)
from twoafc_server.storage.upsert import insert_ignore
from twoafc_server.texts.catalogue import resolve, version_of


def create_study(session: Session, study: StudyFile, folder: StimulusFolder, now: int) -> Study:
    """Store a study with its whole balanced plan.

    Raises InputError if the name is taken, or the design and the stimuli do not fit.
    """
    if session.scalar(select(Study).where(Study.name == study.name)):
        raise InputError(f"found a study {study.name!r} already: choose another with --name")
    systems = shown_systems(study, folder)
    slots = plan(study.design, study.timing.exposures_ms, systems, _pool(study, folder, systems))
    words = {language: resolve(study, language, folder.input) for language in study.offered}
    row = Study(
        name=study.name,
        status="open",
        protocol=study.to_json(),
        protocol_sha256=study.sha256(),
        manifest=folder.manifest,
        manifest_sha256=folder.manifest_sha256(),
        texts_sha256=_store_texts(session, study.language, words[study.language]),
        width=folder.size[0],
        height=folder.size[1],
        created_at=now,
    )
    session.add(row)
    session.flush()
    for language in study.languages:
        sha = _store_texts(session, language, words[language])
        session.add(Translation(study_id=row.id, language=language, texts_sha256=sha))
    stimulus_ids = _store_stimuli(session, row, folder)
    _store_slots(session, row, slots, stimulus_ids)
    return row


def shown_systems(study: StudyFile, folder: StimulusFolder) -> tuple[str, ...]:
    """The systems under test. Raises InputError if the folder lacks one, or the reference."""
    design = study.design
    wanted = [*design.systems, *([] if design.reference == "hr" else [design.reference])]
    missing = [name for name in wanted if name not in folder.systems]
    if missing:
        raise InputError(
            f"found no system {missing[0]!r} in the stimuli: they have {', '.join(folder.systems)}"
        )
    return design.systems or tuple(s for s in folder.systems if s != design.reference)


def _pool(study: StudyFile, folder: StimulusFolder, systems: tuple[str, ...]) -> Pool:
    by_role: dict[str, list[StimulusFiles]] = {"test": [], "practice": [], "catch": []}
    for stimulus in folder.stimuli:
        by_role[stimulus.role].append(stimulus)

    def pairs(role: str) -> tuple[tuple[str, str], ...]:
        return tuple((s.image, _easy_system(s, systems)) for s in by_role[role])

    test = tuple(s.image for s in by_role["test"])
    return Pool(test[: study.design.images], pairs("practice"), pairs("catch"))


def _easy_system(stimulus: StimulusFiles, systems: tuple[str, ...]) -> str:
    """For practice and catch: an output of no system under test if there is one."""
    return next((s for s in stimulus.outputs if s not in systems), next(iter(stimulus.outputs)))


def _store_texts(session: Session, language: str, words: Mapping[str, str]) -> str:
    sha = version_of(words)
    insert_ignore(session, Texts, {"sha256": sha, "language": language, "content": dict(words)})
    return sha


def _store_stimuli(session: Session, study: Study, folder: StimulusFolder) -> dict[str, int]:
    for sha, png in folder.pictures.items():
        insert_ignore(session, Picture, {"sha256": sha, "png": png})
    rows = [
        Stimulus(study_id=study.id, image=s.image, role=s.role, hr=s.hr, lr=s.lr)
        for s in folder.stimuli
    ]
    session.add_all(rows)
    session.flush()
    outputs = [
        {"stimulus_id": row.id, "system": system, "picture": sha}
        for row, s in zip(rows, folder.stimuli, strict=True)
        for system, sha in s.outputs.items()
    ]
    session.execute(insert(Output), outputs)
    return {row.image: row.id for row in rows}


def _store_slots(
    session: Session, study: Study, slots: tuple[PlannedSlot, ...], stimulus_ids: dict[str, int]
) -> None:
    rows = [
        Slot(
            study_id=study.id,
            number=slot.number,
            task=slot.task,
            system=slot.system,
            exposure_ms=slot.exposure_ms,
            state="free",
        )
        for slot in slots
    ]
    session.add_all(rows)
    session.flush()
    trials = [
        {
            "study_id": study.id,
            "slot_id": row.id,
            "number": trial.number,
            "phase": trial.phase,
            "position": trial.position,
            "stimulus_id": stimulus_ids[trial.image],
            "system": trial.system,
            "side_model": trial.side_model,
            "instructed": trial.instructed,
        }
        for row, slot in zip(rows, slots, strict=True)
        for trial in slot.trials
    ]
    session.execute(insert(Trial), trials)
