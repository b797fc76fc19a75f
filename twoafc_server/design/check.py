"""The proof of design: recounts a study's plan, and what was shown of it, from plain rows."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from twoafc_server.design.study_file import StudyFile


@dataclass(frozen=True)
class PlanRow:
    """One planned trial with its slot, as stored."""

    slot: int
    task: str
    exposure_ms: int
    trial: int
    phase: str
    position: int
    image: str
    system: str
    side_model: str
    instructed: str


@dataclass(frozen=True)
class FactRow:
    """One planned trial as a participant met it. answered: False if shown and then interrupted."""

    slot: int
    trial: int
    participant: str
    status: str
    answered: bool


@dataclass(frozen=True)
class Finding:
    """One statement of the checker, whether it holds, and the counts behind it."""

    name: str
    holds: bool
    detail: str


Cell = tuple[str, int, str]


def check_plan(study: StudyFile, systems: Sequence[str], plan: Sequence[PlanRow]) -> list[Finding]:
    """Recount the plan: conditions, images, sides and order."""
    test = [row for row in plan if row.phase == "test"]
    return [
        _conditions(study, systems, test),
        _lengths(study, plan),
        _distinct_images(plan),
        _separate_pools(plan),
        _image_counts(study, systems, test),
        _sides_in_slots(test),
        _sides_in_images(test),
        _order(study, test),
    ]


def check_fact(
    plan: Sequence[PlanRow], facts: Sequence[FactRow], done: Iterable[int], states: Counter[str]
) -> list[Finding]:
    """Recount what participants saw: `done` slots are filled exactly, no other is counted."""
    finished = set(done)
    live = [f for f in facts if f.status in {"active", "completed"}]
    complete = [f for f in facts if f.status == "completed"]
    return [
        _one_holder(live),
        _filled(plan, complete, finished),
        _never_over(plan, complete),
        Finding(
            "progress",
            True,
            f"{states['done']} of {states.total()} slots done, {states['claimed']} claimed, "
            f"{states['free']} free; {sum(not f.answered for f in complete)} trials interrupted",
        ),
    ]


def _cell(row: PlanRow) -> Cell:
    return (row.task, row.exposure_ms, row.system)


def _conditions(study: StudyFile, systems: Sequence[str], test: Sequence[PlanRow]) -> Finding:
    seen: dict[Cell, set[int]] = defaultdict(set)
    for row in test:
        seen[_cell(row)].add(row.slot)
    counts = {cell: len(slots) for cell, slots in seen.items()}
    wanted = product(study.design.tasks, study.timing.exposures_ms, systems)
    expected = dict.fromkeys(wanted, study.design.participants)
    return Finding(
        "every condition has its participants",
        counts == expected,
        f"{len(counts)} conditions with {_span(counts.values())} participants each",
    )


def _lengths(study: StudyFile, plan: Sequence[PlanRow]) -> Finding:
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for row in plan:
        counts[row.slot][row.phase] += 1
    d = study.design
    wanted = Counter(
        test=d.images_per_participant, practice=d.practice_trials, catch=d.catch_trials
    )
    wrong = [slot for slot, count in counts.items() if count != wanted]
    return Finding(
        "every slot has the planned trials",
        not wrong,
        f"{len(counts)} slots of {wanted['practice']} practice, {wanted['test']} test and "
        f"{wanted['catch']} catch trials" + _first(wrong),
    )


def _distinct_images(plan: Sequence[PlanRow]) -> Finding:
    counts = Counter((row.slot, row.image) for row in plan)
    twice = [pair for pair, n in counts.items() if n > 1]
    return Finding("no participant sees an image twice", not twice, f"{len(counts)} showings")


def _separate_pools(plan: Sequence[PlanRow]) -> Finding:
    pools: dict[str, set[str]] = {"practice": set(), "test": set(), "catch": set()}
    for row in plan:
        pools[row.phase].add(row.image)
    shared = (pools["practice"] | pools["catch"]) & pools["test"]
    return Finding(
        "practice and catch images are outside the test set",
        not shared,
        ", ".join(f"{len(images)} {phase}" for phase, images in pools.items()),
    )


def _image_counts(study: StudyFile, systems: Sequence[str], test: Sequence[PlanRow]) -> Finding:
    d = study.design
    showings = d.participants * d.images_per_participant
    wanted = showings // d.images // (len(systems) if d.kind == "within" else 1)
    counts = Counter((_cell(row), row.image) for row in test)
    images = {row.image for row in test}
    cells = {_cell(row) for row in test}
    wrong = [pair for pair in product(cells, images) if counts[pair] != wanted]
    return Finding(
        "every image is shown equally often per condition",
        not wrong and len(images) == d.images,
        f"{len(images)} images, {_span(counts.values())} times each, planned {wanted}"
        + _first(wrong),
    )


def _sides_in_slots(test: Sequence[PlanRow]) -> Finding:
    return _balanced("sides are balanced within every participant", test, lambda r: r.slot)


def _sides_in_images(test: Sequence[PlanRow]) -> Finding:
    name = "sides are balanced within every image and condition"
    return _balanced(name, test, lambda r: (_cell(r), r.image))


def _balanced(name: str, rows: Sequence[PlanRow], group: Callable[[PlanRow], object]) -> Finding:
    left: Counter[object] = Counter()
    total: Counter[object] = Counter()
    for row in rows:
        left[group(row)] += row.side_model == "left"
        total[group(row)] += 1
    # An odd number cannot be halved: one more on a side is all that is allowed.
    off = {key: abs(2 * left[key] - n) for key, n in total.items()}
    wrong = [key for key, n in total.items() if off[key] != n % 2]
    worst = max(off.values(), default=0)
    return Finding(
        name, not wrong, f"{len(total)} groups, largest difference {worst}{_first(wrong)}"
    )


def _order(study: StudyFile, test: Sequence[PlanRow]) -> Finding:
    """Positions run 1..K in every slot; reports how evenly images fall early and late."""
    positions: dict[int, list[int]] = defaultdict(list)
    early: Counter[object] = Counter()
    total: Counter[object] = Counter()
    half = (study.design.images_per_participant + 1) / 2
    for row in test:
        positions[row.slot].append(row.position)
        early[(_cell(row), row.image)] += row.position < half
        total[(_cell(row), row.image)] += 1
    whole = list(range(1, study.design.images_per_participant + 1))
    wrong = [slot for slot, found in positions.items() if sorted(found) != whole]
    shares = [early[key] / n for key, n in total.items()]
    return Finding(
        "positions are complete",
        not wrong,
        f"an image falls in the first half in {min(shares, default=0):.0%} to "
        f"{max(shares, default=0):.0%} of its showings" + _first(wrong),
    )


def _one_holder(live: Sequence[FactRow]) -> Finding:
    holders: dict[int, set[str]] = defaultdict(set)
    for fact in live:
        holders[fact.slot].add(fact.participant)
    wrong = [slot for slot, people in holders.items() if len(people) > 1]
    return Finding("a slot has one live participant", not wrong, f"{len(holders)} held")


def _filled(plan: Sequence[PlanRow], complete: Sequence[FactRow], done: set[int]) -> Finding:
    planned = {(row.slot, row.trial) for row in plan if row.slot in done}
    met = Counter((fact.slot, fact.trial) for fact in complete)
    wrong = [pair for pair in planned | set(met) if met[pair] != (pair in planned)]
    return Finding(
        "done slots are filled exactly",
        not wrong,
        f"{met.total()} of {len(planned)} trials of {len(done)} done slots" + _first(wrong),
    )


def _never_over(plan: Sequence[PlanRow], complete: Sequence[FactRow]) -> Finding:
    rows = {(row.slot, row.trial): row for row in plan if row.phase == "test"}
    planned = Counter((_cell(r), r.image, r.side_model) for r in rows.values())
    met = Counter(
        (_cell(r), r.image, r.side_model)
        for fact in complete
        if (r := rows.get((fact.slot, fact.trial))) is not None
    )
    over = [key for key, n in met.items() if n > planned[key]]
    return Finding(
        "no image is shown more often than planned, on either side",
        not over,
        f"{met.total()} of {planned.total()} test showings" + _first(over),
    )


def _span(values: Iterable[int]) -> str:
    found = sorted(set(values))
    if not found:
        return "no"
    return str(found[0]) if len(found) == 1 else f"{found[0]} to {found[-1]}"


def _first(wrong: Sequence[object]) -> str:
    return f"; {len(wrong)} wrong, first {wrong[0]}" if wrong else ""
