"""What a researcher watches while a study runs. Rates stay blinded until the planned number."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from twoafc_server.export.rows import responses
from twoafc_server.formats.responses import ResponseRow
from twoafc_server.storage.models import Audit, Participant, Slot, Study

Condition = tuple[str, int, str]


@dataclass(frozen=True)
class ConditionRow:
    """Slots of one condition by state. fool_rate: None while blinded; the share of test trials of
    counted participants in which the output was chosen. n: number of those trials."""

    task: str
    exposure_ms: int
    system: str
    free: int
    claimed: int
    done: int
    n: int
    fool_rate: float | None

    @property
    def planned(self) -> int:
        return self.free + self.claimed + self.done


@dataclass(frozen=True)
class Quality:
    """Over all answered trials. Times in milliseconds; shares 0..1; None without answers."""

    answers: int
    rt_median: float | None
    exposure_error_median: float | None
    exposure_error_worst: float | None
    flag_shares: dict[str, float]
    catch_passed: float | None
    excluded: float | None


@dataclass(frozen=True)
class Summary:
    conditions: list[ConditionRow]
    statuses: dict[str, int]
    quality: Quality
    audit: list[Audit]


def summarise(session: Session, study: Study) -> Summary:
    """All that the study's page shows."""
    rows = responses(session, study)
    statuses = session.execute(
        select(Participant.status, func.count())
        .where(Participant.study_id == study.id)
        .group_by(Participant.status)
    )
    audit = session.scalars(
        select(Audit).where(Audit.study_id == study.id).order_by(Audit.id.desc()).limit(50)
    )
    return Summary(
        conditions(session, study, rows),
        {row[0]: row[1] for row in statuses},
        quality(rows),
        list(audit),
    )


def conditions(session: Session, study: Study, rows: Sequence[ResponseRow]) -> list[ConditionRow]:
    """Progress per condition, with its rate once every planned slot is done or it is unblinded."""
    states: dict[Condition, Counter[str]] = defaultdict(Counter)
    found = session.execute(
        select(Slot.task, Slot.exposure_ms, Slot.system, Slot.state, func.count())
        .where(Slot.study_id == study.id)
        .group_by(Slot.task, Slot.exposure_ms, Slot.system, Slot.state)
    )
    for task, exposure, system, state, count in found:
        states[(task, exposure, system or "")][state] += count
    answers: dict[Condition, list[int]] = defaultdict(list)
    within = all(system == "" for _, _, system in states)
    for row in rows:
        if row.phase == "test" and not row.excluded:
            system = "" if within else row.system
            answers[(row.task, int(row.exposure_ms_requested), system)].append(row.fooled)
    return [
        _condition(key, states[key], answers[key], study.unblinded_at is not None)
        for key in sorted(states)
    ]


def _condition(
    key: Condition, states: Counter[str], fooled: list[int], unblinded: bool
) -> ConditionRow:
    shown = unblinded or states["done"] == states.total()
    rate = fmean(fooled) if fooled and shown else None
    counts = (states["free"], states["claimed"], states["done"])
    return ConditionRow(*key, *counts, len(fooled), rate)


def quality(rows: Sequence[ResponseRow]) -> Quality:
    """How well the trials went, whatever was chosen."""
    if not rows:
        return Quality(0, None, None, None, {}, None, None)
    errors = [abs(r.exposure_ms_measured - r.exposure_ms_requested) for r in rows]
    flags = Counter(flag for r in rows for flag in r.flags.split(";") if flag)
    catch = [r for r in rows if r.phase == "catch"]
    passed = sum("catch_passed" in r.flags for r in catch)
    return Quality(
        answers=len(rows),
        rt_median=median(r.rt_ms for r in rows),
        exposure_error_median=median(errors),
        exposure_error_worst=max(errors),
        flag_shares={
            flag: count / len(rows)
            for flag, count in sorted(flags.items())
            if not flag.startswith("catch")
        },
        catch_passed=passed / len(catch) if catch else None,
        excluded=fmean(r.excluded for r in rows),
    )
