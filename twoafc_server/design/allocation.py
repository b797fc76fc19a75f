"""The plan of a study: who sees which image, on which side, in which order, balanced exactly.

Images are dealt in complementary parts of random permutations, so every image is shown
S*K/I times per system (S participants, K of I images each). Sides and order come from Euler
splits: an even two-colouring of the edges of the graph participants x images, which leaves at
every participant and every image as many of one colour as of the other (or one more, where the
number is odd).
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from twoafc_server.base.errors import InputError
from twoafc_server.design.study_file import Design, Task
from twoafc_server.formats.responses import Phase, Side


@dataclass(frozen=True)
class Pool:
    """The images at hand, by role; for practice and catch with the system to show against."""

    test: tuple[str, ...]
    practice: tuple[tuple[str, str], ...]
    catch: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PlannedTrial:
    """number: 1.. within the slot; position: 1.. within the phase; early: in the first half."""

    number: int
    phase: Phase
    position: int
    image: str
    system: str
    side_model: Side
    instructed: Side | None = None


@dataclass(frozen=True)
class PlannedSlot:
    """One participant's whole plan. system: None in a within-participants design."""

    number: int
    task: Task
    system: str | None
    exposure_ms: int
    trials: tuple[PlannedTrial, ...]


@dataclass(frozen=True)
class Shown:
    """One cell of the plan: participant (index within the cell), image and system."""

    participant: int
    image: str
    system: str


def plan(
    design: Design, exposures: Sequence[int], systems: Sequence[str], pool: Pool
) -> tuple[PlannedSlot, ...]:
    """All slots of a study, in the order in which they are given out.

    Raises InputError if the numbers cannot balance exactly.
    """
    require_exact(design, len(systems), pool)
    rng = np.random.default_rng(design.seed)
    groups: list[tuple[Task, str | None, int, list[list[PlannedTrial]]]] = []
    columns: list[str | None] = list(systems) if design.kind == "between" else [None]
    for task, exposure, column in product(design.tasks, exposures, columns):
        shown = (
            _deal_between(design, pool.test, column, rng)
            if column
            else _deal_within(design, pool.test, systems, rng)
        )
        groups.append((task, column, exposure, _trials(design, shown, pool, rng)))
    return _interleave(groups, design.participants, rng)


def require_exact(design: Design, systems: int, pool: Pool) -> None:
    """Raise InputError unless every count of the plan comes out whole."""
    s, k, i = design.participants, design.images_per_participant, design.images
    wanted = [
        (systems >= 1, f"found {systems} systems, wanted at least 1"),
        (
            len(pool.test) == i,
            f"found {len(pool.test)} test images, design.images wants {i}",
        ),
        (
            len(pool.practice) >= design.practice_trials,
            f"found {len(pool.practice)} practice images, wanted {design.practice_trials}",
        ),
        (
            len(pool.catch) >= design.catch_trials,
            f"found {len(pool.catch)} catch images, wanted {design.catch_trials}",
        ),
    ]
    if design.kind == "between":
        wanted.append(
            (
                s * k % i == 0,
                f"participants x images_per_participant ({s} x {k}) must be a multiple "
                f"of images ({i}), or some images are shown more often than others",
            )
        )
    elif systems:
        wanted += [
            (
                s % systems == 0,
                f"within: participants ({s}) must be a multiple of the number of "
                f"systems ({systems})",
            ),
            (
                k % (2 * systems) == 0,
                f"within: images_per_participant ({k}) must be a multiple of "
                f"twice the number of systems ({2 * systems})",
            ),
            (
                s // systems * k % i == 0,
                f"within: participants / systems x images_per_participant "
                f"({s // systems} x {k}) must be a multiple of images ({i})",
            ),
        ]
    for holds, message in wanted:
        if not holds:
            raise InputError(f"no exactly balanced plan: {message}")


def deal(images: Sequence[str], take: int, hands: int, rng: np.random.Generator) -> list[list[str]]:
    """`hands` hands of `take` different images; counts never differ by more than one.

    Each hand takes the least used images, ties at random: complementary parts of random
    permutations when `take` divides the number of images.
    """
    used: Counter[str] = Counter()
    dealt = []
    for _ in range(hands):
        shuffled = [images[j] for j in rng.permutation(len(images))]
        hand = sorted(shuffled, key=used.__getitem__)[:take]
        used.update(hand)
        dealt.append(hand)
    return dealt


def _deal_between(
    design: Design, images: Sequence[str], system: str, rng: np.random.Generator
) -> list[Shown]:
    hands = deal(images, design.images_per_participant, design.participants, rng)
    return [Shown(p, image, system) for p, hand in enumerate(hands) for image in hand]


def _deal_within(
    design: Design, images: Sequence[str], systems: Sequence[str], rng: np.random.Generator
) -> list[Shown]:
    """A Latin square: as many participants as systems share a hand, its parts rotate."""
    m = len(systems)
    hands = deal(images, design.images_per_participant, design.participants // m, rng)
    shown = []
    for block, hand in enumerate(hands):
        mixed = [hand[j] for j in rng.permutation(len(hand))]
        for row in range(m):
            shown += [
                Shown(block * m + row, image, systems[(j + row) % m])
                for j, image in enumerate(mixed)
            ]
    return shown


def _trials(
    design: Design, shown: list[Shown], pool: Pool, rng: np.random.Generator
) -> list[list[PlannedTrial]]:
    """Sides, then early and late halves within each side, then the order, per participant."""
    edges = [((s.participant, s.system), (s.image, s.system)) for s in shown]
    left = euler_split(edges, rng)
    early = [False] * len(shown)
    for side in (True, False):
        chosen = [j for j, is_left in enumerate(left) if is_left is side]
        halves = euler_split([edges[j] for j in chosen], rng)
        for j, half in zip(chosen, halves, strict=True):
            early[j] = half
    by_participant: dict[int, list[tuple[Shown, bool, bool]]] = defaultdict(list)
    for cell, is_left, is_early in zip(shown, left, early, strict=True):
        by_participant[cell.participant].append((cell, is_left, is_early))
    return [_one_slot(design, by_participant[p], pool, rng) for p in range(design.participants)]


def _one_slot(
    design: Design,
    cells: list[tuple[Shown, bool, bool]],
    pool: Pool,
    rng: np.random.Generator,
) -> list[PlannedTrial]:
    mixed = [cells[j] for j in rng.permutation(len(cells))]
    ordered = sorted(mixed, key=lambda cell: not cell[2])
    test = [
        PlannedTrial(0, "test", n, cell.image, cell.system, _side(is_left))
        for n, (cell, is_left, _) in enumerate(ordered, start=1)
    ]
    practice = _extra("practice", pool.practice, design.practice_trials, rng)
    catch = _extra("catch", pool.catch, design.catch_trials, rng)
    sequence = practice + _spread(test, catch, rng)
    return [_numbered(trial, n) for n, trial in enumerate(sequence, start=1)]


def _extra(
    phase: Phase, images: Sequence[tuple[str, str]], count: int, rng: np.random.Generator
) -> list[PlannedTrial]:
    """Practice or catch trials, sides balanced; a catch names the side to choose."""
    picked = [images[j] for j in rng.permutation(len(images))[:count]]
    sides = _even_sides(count, rng)
    named = _even_sides(count, rng) if phase == "catch" else [None] * count
    return [
        PlannedTrial(0, phase, n + 1, picked[n][0], picked[n][1], sides[n], named[n])
        for n in range(count)
    ]


def _even_sides(count: int, rng: np.random.Generator) -> list[Side]:
    first = bool(rng.integers(2))
    return [
        _side(bool(bit)) for bit in rng.permutation([(n % 2 == 0) == first for n in range(count)])
    ]


def _spread(
    test: list[PlannedTrial], catch: list[PlannedTrial], rng: np.random.Generator
) -> list[PlannedTrial]:
    """One catch trial at a random place in each of as many equal stretches, never first."""
    out: list[PlannedTrial] = []
    bounds = np.linspace(0, len(test), len(catch) + 1).round().astype(int)
    start = 0
    for number, trial in enumerate(catch):
        low, high = int(bounds[number]), int(bounds[number + 1])
        place = int(rng.integers(low, high)) + 1 if high > low else high
        out += [*test[start:place], trial]
        start = place
    return out + test[start:]


def _numbered(trial: PlannedTrial, number: int) -> PlannedTrial:
    return PlannedTrial(
        number,
        trial.phase,
        trial.position,
        trial.image,
        trial.system,
        trial.side_model,
        trial.instructed,
    )


def _side(is_left: bool) -> Side:
    return "left" if is_left else "right"


def _interleave(
    groups: list[tuple[Task, str | None, int, list[list[PlannedTrial]]]],
    participants: int,
    rng: np.random.Generator,
) -> tuple[PlannedSlot, ...]:
    """Slots in rounds that hold one of every condition, so a stopped study is balanced too."""
    slots: list[PlannedSlot] = []
    for index in range(participants):
        for g in rng.permutation(len(groups)):
            task, system, exposure, trials = groups[int(g)]
            slots.append(PlannedSlot(len(slots) + 1, task, system, exposure, tuple(trials[index])))
    return tuple(slots)


def euler_split(edges: Sequence[tuple[Hashable, Hashable]], rng: np.random.Generator) -> list[bool]:
    """Two-colour the edges of a bipartite graph so that both colours meet evenly at each node.

    Nodes of odd degree are joined to a dummy, which makes all degrees even; the colours then
    alternate along closed walks, whose length is even in a bipartite graph. The dummy edge may
    leave a difference of one at a node of odd degree, none at others.
    """
    ends: list[tuple[Hashable, Hashable]] = [(("a", u), ("b", v)) for u, v in edges]
    degree = Counter(node for edge in ends for node in edge)
    odd = [node for node, count in degree.items() if count % 2]
    ends += [(node, "dummy b") if node[0] == "a" else ("dummy a", node) for node in odd]  # type: ignore[index]
    if sum(node[0] == "a" for node in odd) % 2:  # type: ignore[index]
        ends.append(("dummy a", "dummy b"))
    at: dict[Hashable, list[int]] = defaultdict(list)
    for j in rng.permutation(len(ends)):
        for node in ends[j]:
            at[node].append(int(j))
    colour: list[bool | None] = [None] * len(ends)
    for start in [ends[j][0] for j in rng.permutation(len(ends))]:
        _colour_walks(start, ends, at, colour, bool(rng.integers(2)))
    return [bool(c) for c in colour[: len(edges)]]


def _colour_walks(
    start: Hashable,
    ends: list[tuple[Hashable, Hashable]],
    at: dict[Hashable, list[int]],
    colour: list[bool | None],
    first: bool,
) -> None:
    """Walk unused edges from `start` until stuck, which can only be back at `start`."""
    node, current = start, first
    while True:
        while at[node] and colour[at[node][-1]] is not None:
            at[node].pop()
        if not at[node]:
            return
        j = at[node].pop()
        colour[j] = current
        current = not current
        node = ends[j][1] if ends[j][0] == node else ends[j][0]
