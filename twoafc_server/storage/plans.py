"""What never changes about a slot: its trials, their pictures and the study they belong to.

A plan is fixed when the study is created, so a process reads it once and keeps it.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from twoafc_server.design.study_file import StudyFile
from twoafc_server.storage.models import Output, Slot, Stimulus, Study, Texts, Trial
from twoafc_server.storage.studies import protocol_of

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """One trial. left, right, lr: SHA-256 of the pictures as they are shown."""

    id: int
    number: int
    phase: str
    side_model: str
    instructed: str | None
    left: str
    right: str
    lr: str


@dataclass(frozen=True)
class Plan:
    """A slot's plan. size: (width, height) of every full-size picture, in pixels."""

    slot_id: int
    task: str
    exposure_ms: int
    study: StudyFile
    size: tuple[int, int]
    trials: tuple[PlannedTrial, ...]

    def by_id(self, trial_id: int | None) -> PlannedTrial | None:
        return next((trial for trial in self.trials if trial.id == trial_id), None)

    def after(self, trial: PlannedTrial) -> PlannedTrial | None:
        """The trial that follows, None after the last."""
        return next((one for one in self.trials if one.number == trial.number + 1), None)


def load_plan(session: Session, slot_id: int) -> Plan:
    """Read a slot's plan. Raises InputError if its study was edited in the database."""
    slot = session.get_one(Slot, slot_id)
    row = session.get_one(Study, slot.study_id)
    study = protocol_of(row)
    reference = aliased(Output)
    found = session.execute(
        select(
            Trial.id,
            Trial.number,
            Trial.phase,
            Trial.side_model,
            Trial.instructed,
            Output.picture,
            reference.picture,
            Stimulus.hr,
            Stimulus.lr,
        )
        .join(Stimulus, Stimulus.id == Trial.stimulus_id)
        .join(Output, (Output.stimulus_id == Trial.stimulus_id) & (Output.system == Trial.system))
        .outerjoin(
            reference,
            (reference.stimulus_id == Trial.stimulus_id)
            & (reference.system == study.design.reference),
        )
        .where(Trial.slot_id == slot_id)
        .order_by(Trial.number)
    )
    trials = []
    for trial_id, number, phase, side, instructed, shown, against, hr, lr in found:
        pair = (shown, against or hr)
        left, right = pair if side == "left" else pair[::-1]
        trials.append(PlannedTrial(trial_id, number, phase, side, instructed, left, right, lr))
    size = (row.width, row.height)
    return Plan(slot_id, slot.task, slot.exposure_ms, study, size, tuple(trials))


class Kept(Generic[K, V]):
    """The last `most` values that were read."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = Lock()

    def get(self, key: K, read: Callable[[], V]) -> V:
        """The value of a key, read if it is not kept."""
        found = self._values.get(key)
        if found is not None:
            return found
        value = read()
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value


class Plans:
    """The plans and texts that a process has read."""

    def __init__(self, most: int = 512) -> None:
        self._plans: Kept[int, Plan] = Kept(most)
        self._texts: Kept[str, dict[str, str]] = Kept(most)

    def of(self, session: Session, slot_id: int) -> Plan:
        """The plan of a slot."""
        return self._plans.get(slot_id, lambda: load_plan(session, slot_id))

    def texts(self, session: Session, sha256: str) -> dict[str, str]:
        """The texts of one version."""
        return self._texts.get(sha256, lambda: session.get_one(Texts, sha256).content)
