"""`python -m twoafc_server power`: what a planned design can detect, before it is paid for."""

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

from twoafc_server.analysis.reading.sources import load
from twoafc_server.analysis.writing.plots import save
from twoafc_server.base.environment import DATABASE, DEFAULT_DATABASE
from twoafc_server.base.errors import InputError, program
from twoafc_server.base.files import write_atomic
from twoafc_server.cli.common import Parser
from twoafc_server.power.coverage import Coverage, simulation_error
from twoafc_server.power.detectable import (
    Detectable,
    Question,
    designs,
    detectable,
    planned_coverage,
    simulated,
)
from twoafc_server.power.pilot import Pilot, observers_like, read_pilot
from twoafc_server.power.plots import power_chart
from twoafc_server.simulation.observers import Observers

DEFAULT = Observers()


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = Parser(
        prog=f"{program()} power",
        description="Detectable difference and coverage of a planned design, by simulation.",
    )
    add = made.add_argument
    add("--participants", type=int, default=50, help="per system (default: %(default)s)")
    add("--trials", type=int, default=50, help="test trials of each (default: %(default)s)")
    add("--images", type=int, default=100, help="test images (default: %(default)s)")
    add("--rate", type=float, default=0.5, help="expected fool rate (default: %(default)s)")
    add("--power", type=float, default=0.8, help="wanted power (default: %(default)s)")
    add("--alpha", type=float, default=0.05, help="two-sided level (default: %(default)s)")
    add(
        "--participant-sd",
        type=float,
        default=DEFAULT.participant_sd,
        help="spread between participants, logits (default: %(default)s)",
    )
    add(
        "--image-sd",
        type=float,
        default=DEFAULT.image_sd,
        help="spread between images, logits (default: %(default)s)",
    )
    add(
        "--shared",
        type=float,
        default=DEFAULT.shared,
        help="correlation of a participant's, or image's, effects on two systems "
        "(default: %(default)s)",
    )
    add("--pilot", help="take the spreads from a pilot: study name, bundle or CSV")
    add(
        "--db",
        default=os.environ.get(DATABASE, DEFAULT_DATABASE),
        help="database URL for a pilot given by name (default: %(default)s)",
    )
    add("--studies", type=int, default=1000, help="simulated studies (default: %(default)s)")
    add("--seed", type=int, default=0, help="of the simulation (default: %(default)s)")
    add("--out", type=Path, help="folder for power.json and power.png (default: none)")
    return made


def main(argv: list[str]) -> int:
    """Run the command; 0 when the table was made."""
    args = parser().parse_args(argv)
    if args.studies < 100:
        raise InputError(f"found {args.studies} studies, wanted 100 or more to simulate a share")
    question = Question(args.rate, args.power, args.alpha)
    observers = Observers(args.participant_sd, args.image_sd, args.shared)
    pilots: tuple[Pilot, ...] = ()
    if args.pilot:
        pilots = read_pilot(load(args.pilot, args.db))
        observers = observers_like(pilots, observers)
    plans = designs(args.participants, args.trials, args.images)
    rows = [
        simulated(
            detectable(name, plan, observers, question),
            observers,
            question,
            args.studies,
            args.seed,
        )
        for name, plan in plans.items()
    ]
    plan = next(iter(plans.values()))
    held = planned_coverage(plan, observers, question, args.studies, args.seed)
    print(table(rows, held, observers, question, pilots))
    if args.out:
        _write(args, rows, held, observers, question)
    return 0


def table(
    rows: list[Detectable],
    held: Coverage,
    observers: Observers,
    question: Question,
    pilots: tuple[Pilot, ...],
) -> str:
    """The result as text."""
    lines = [
        f"pilot {pilot.task} {pilot.system}: rate {100 * pilot.rate:.1f} %, spreads "
        f"{pilot.participant_sd:.2f} and {pilot.image_sd:.2f} logits ({pilot.trials} trials)"
        for pilot in pilots
    ]
    lines += [
        f"spreads in logits: participants {observers.participant_sd:.2f}, images "
        f"{observers.image_sd:.2f}, shared by systems {observers.shared:g}; true rate "
        f"{100 * question.rate:g} %",
        "",
        f"{'comparison':<46}{'people':>7}{'trials each':>13}{'se':>7}"
        f"{'detectable':>12}{'power there':>13}",
    ]
    for row in rows:
        power = "-" if row.power is None else f"{100 * row.power:.0f} %"
        lines.append(
            f"{row.comparison:<46}{row.people:>7}{row.design.trials_each:>13}"
            f"{100 * row.se:>7.2f}{100 * row.difference:>12.1f}{power:>13}"
        )
    lines += [
        f"se and detectable difference in points at {100 * question.power:g} % power, level "
        f"{100 * question.alpha:g} %; the last column by simulation",
        "",
        _coverage_line(held, 1 - question.alpha),
    ]
    return "\n".join(lines)


def _coverage_line(held: Coverage, level: float) -> str:
    return (
        f"coverage of {100 * level:g} % intervals over {held.studies} simulated studies "
        f"(+- {100 * simulation_error(held.two_way, held.studies):.1f}): two-way cluster "
        f"{100 * held.two_way:.1f} %, participants only {100 * held.participants:.1f} %, pooled "
        f"Wilson {100 * held.wilson:.1f} %; half width {100 * held.half_width:.1f} points"
    )


def _write(
    args: argparse.Namespace,
    rows: list[Detectable],
    held: Coverage,
    observers: Observers,
    question: Question,
) -> None:
    sizes = sorted({4, 8, 12, 16, 24, 32, 50, 75, 100, 150, 200, args.participants})
    curves = {
        row.comparison: [
            detectable(
                row.comparison,
                designs(size, args.trials, args.images)[row.comparison],
                observers,
                question,
            )
            for size in sizes
        ]
        for row in rows
    }
    content = {
        "version": 1,
        "question": asdict(question),
        "observers": asdict(observers),
        "comparisons": [asdict(row) for row in rows],
        "coverage": asdict(held),
    }
    chart = power_chart(curves, args.participants, held, 1 - question.alpha)
    for name, data in {
        "power.json": (json.dumps(content, indent=1) + "\n").encode(),
        "power.png": save(chart, "png"),
    }.items():
        write_atomic(args.out / name, data)
        print(f"wrote {args.out / name}")
