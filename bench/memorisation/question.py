"""One question to a finished run: how near to the training set its pictures lie."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.base.progress import Counter
from bench.extractors.protocol import find_extractor, load_extractor
from bench.memorisation.vectors import (
    FEATURES,
    SPACES,
    Nearest,
    Spaces,
    Vectors,
    nearest_of,
    refuse_overlap,
)
from bench.records.finished import FinishedRun, read_finished
from bench.records.measurements import (
    Measurements,
    Number,
    Quantity,
    made_here,
    write_measurements,
)
from bench.records.record import REFERENCE
from bench.reporting.neighbour_sheet import Neighbour, write_neighbours
from bench.reporting.page import NEAREST
from bench.statistics.copying import copying
from bench.statistics.intervals import Interval
from sr3.base.errors import InputError
from sr3.base.files import sha256_of_file, sha256_of_json, write_text
from sr3.pictures.images import list_images

NAMES = {"nearer": "nearer than held out", "ratio": "median distance / held out", "tail": "in tail"}
COLUMNS = {
    f"{space}_{figure}": Quantity(f"{space}: {name}", "", 3)
    for space in SPACES
    for figure, name in NAMES.items()
}


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        run: folder of an unpaired suite's records; training: of training pictures.
        systems: None for all of the run.
    """

    run: Path
    training: Path
    systems: Sequence[str] | None
    extractor: str
    device: str
    seed: int


def ask(question: Question) -> str:
    """Write what the module of the command says; the table as text.

    Raises:
        InputError: a run of pairs or without real pictures, an unknown system, real pictures that
            are training pictures, or pictures of another size.
    """
    finished = read_finished(question.run)
    systems = _systems(finished, question.systems)
    training, held_out = list_images(question.training), _paths(finished, REFERENCE)
    refuse_overlap(training, held_out)
    spaces = _spaces(finished, question)
    sets = {name: _paths(finished, name) for name in (REFERENCE, *systems)}
    known = _vectors(spaces, training, "training pictures")
    nearest = {
        name: nearest_of(_vectors(spaces, paths, name), known) for name, paths in sets.items()
    }
    rows = {name: _row(nearest[name], nearest[REFERENCE], question.seed) for name in systems}
    made = made_here(
        "python -m bench.nearest RUN --training DIR", question.device,
        training={"n": len(training), "sha256": _digest(training)},
        held_out=dict(finished.records[0].dataset), features=question.extractor,
    )  # fmt: skip
    least = min(len(sets[name]) for name in systems)
    title = (
        f"Distance to the nearest of {len(training)} training pictures, against that of "
        f"{len(held_out)} held-out ones"
    )
    write_measurements(
        question.run / "nearest.json", Measurements(title, least, made, COLUMNS, rows)
    )
    write_text(question.run / "nearest.csv", _csv(sets, nearest, training))
    for name in systems:
        _draw(question.run / f"{NEAREST}{name}.png", name, sets[name], nearest[name], training)
    return _text(title, rows)


def _systems(finished: FinishedRun, asked: Sequence[str] | None) -> list[str]:
    if not finished.is_unpaired or REFERENCE not in finished.own:
        raise InputError(
            f"found a run of {finished.records[0].suite} in {finished.folder}, wanted one of an "
            "unpaired suite with real pictures, such as cascade-faces"
        )
    known = [record.system for record in finished.measured]
    if absent := [name for name in asked or () if name not in known]:
        raise InputError(f"found no system {absent[0]} in the run, wanted of {', '.join(known)}")
    return list(asked or known)


def _paths(finished: FinishedRun, system: str) -> list[Path]:
    return [finished.path(system, stem) for stem in finished.own[system]]


def _spaces(finished: FinishedRun, question: Question) -> Spaces:
    found = find_extractor(question.extractor)
    if (reason := found.unavailable()) is not None:
        raise InputError(f"found no {question.extractor}: {reason}")
    height, width = finished.records[0].size
    loaded = load_extractor(question.extractor, question.device)
    store = question.run / "cache" / "features"
    return Spaces((height, width), loaded, next(iter(found.layers)), store, question.device)


def _vectors(spaces: Spaces, paths: Sequence[Path], label: str) -> Vectors:
    with Counter(len(paths), label) as counter:
        return spaces.vectors(paths, counter.add)


def _row(
    ours: Mapping[str, Nearest], held_out: Mapping[str, Nearest], seed: int
) -> dict[str, Number]:
    row = {}
    for space in SPACES:
        found = copying(ours[space].distances, held_out[space].distances, seed)
        for figure in NAMES:
            interval: Interval = getattr(found, figure)
            row[f"{space}_{figure}"] = Number(interval.value, interval.low, interval.high)
    return row


def _csv(
    sets: Mapping[str, Sequence[Path]],
    nearest: Mapping[str, Mapping[str, Nearest]],
    training: Sequence[Path],
) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("system", "picture", "space", "nearest", "distance"))
    for name, paths in sets.items():
        for space in SPACES:
            found = nearest[name][space]
            for path, gap, place in zip(paths, found.distances, found.places, strict=True):
                writer.writerow((name, path.name, space, training[place].name, repr(float(gap))))
    return text.getvalue()


def _draw(
    path: Path,
    name: str,
    paths: Sequence[Path],
    nearest: Mapping[str, Nearest],
    training: Sequence[Path],
) -> None:
    found = [
        Neighbour(
            picture,
            {
                space: (training[of.places[row]], float(of.distances[row]))
                for space, of in nearest.items()
            },
        )
        for row, picture in enumerate(paths)
    ]
    write_neighbours(path, f"{name}: nearest training pictures", found, FEATURES)


def _digest(paths: Sequence[Path]) -> str:
    return sha256_of_json([[path.name, sha256_of_file(path)] for path in paths])


def _text(title: str, rows: Mapping[str, Mapping[str, Number]]) -> str:
    """A line per system and space."""
    head = f"{'system':16} {'space':9}" + "".join(f" {name:>28}" for name in NAMES.values())
    lines = [title, head]
    for name, row in rows.items():
        for space in SPACES:
            cells = [row[f"{space}_{figure}"] for figure in NAMES]
            shown = [f"{c.value:.3f} [{c.low:.3f}, {c.high:.3f}]" for c in cells]
            lines.append(f"{name:16} {space:9}" + "".join(f" {cell:>28}" for cell in shown))
    lines.append(
        "nearer: 0.5 means as far as held-out pictures, 1 means copies; in tail: 0.05 is expected"
    )
    return "\n".join(lines)
