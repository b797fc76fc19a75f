"""`python -m twoafc_server simulate numbers|http|browser`: observers whose true rate is known."""

import argparse
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd

from twoafc_server.base.errors import InputError, program
from twoafc_server.base.files import write_atomic
from twoafc_server.cli.common import Parser
from twoafc_server.simulation.browser_bot import browse
from twoafc_server.simulation.crowd import Crowd
from twoafc_server.simulation.eye import Eye
from twoafc_server.simulation.http_bot import Tour, Visit, send_bots
from twoafc_server.simulation.observers import Observers
from twoafc_server.simulation.plans import Design
from twoafc_server.simulation.rows import Study, simulate_rows

DEFAULT_RATES = "sr3=0.47,regression=0.15"


def parser() -> argparse.ArgumentParser:
    """The command's options, one subcommand per path."""
    made = Parser(
        prog=f"{program()} simulate",
        description="Simulated observers with a known true fool rate, by one of three paths.",
    )
    paths = made.add_subparsers(dest="path", required=True)
    numbers = paths.add_parser("numbers", help="draw answers and write them as a CSV file")
    _add_observers(numbers)
    _add_numbers(numbers)
    http = paths.add_parser("http", help="take part in a served study over HTTP")
    browser = paths.add_parser("browser", help="take part in a served study with a real browser")
    for served in (http, browser):
        _add_observers(served)
        _add_served(served)
    http.add_argument("--at-once", type=int, default=8, help="at a time (default: %(default)s)")
    browser.add_argument("--browser-path", type=Path, help="a Chromium to use")
    circle = paths.add_parser("circle", help="create, serve, answer, analyse: is the truth found?")
    _add_observers(circle)
    _add_circle(circle)
    return made


def _add_observers(to: argparse.ArgumentParser) -> None:
    to.add_argument(
        "--rates",
        default=DEFAULT_RATES,
        help="true fool rate of each system (default: %(default)s)",
    )
    to.add_argument("--seed", type=int, default=0, help="of everything (default: %(default)s)")
    for field in fields(Observers):
        to.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=float,
            default=field.default,
            help=f"{WORDS[field.name]} (default: %(default)s)",
        )


WORDS = {
    "participant_sd": "spread between participants, logits",
    "image_sd": "spread between images, logits",
    "shared": "correlation of their effects on two systems",
    "side_bias": "logits added with the output on the left, taken off on the right",
    "lapse": "share of trials answered by a coin",
    "abandonment": "share of participants who leave for good",
    "double_arrival": "share of participants who try a second time (http only)",
}


def _add_numbers(to: argparse.ArgumentParser) -> None:
    to.add_argument("--participants", type=int, default=50, help="per system, or in all (within)")
    to.add_argument("--trials", type=int, default=50, help="of a participant, per system")
    to.add_argument("--images", type=int, default=100, help="test images")
    to.add_argument("--kind", choices=("between", "within"), default="between", help="design")
    to.add_argument("--tasks", default="task2", help="comma-separated (default: %(default)s)")
    to.add_argument("--exposures", default="3000", help="ms, comma-separated")
    to.add_argument("--name", default="simulated", help="of the study (default: %(default)s)")
    to.add_argument("--out", type=Path, required=True, help="CSV file to write")


def _add_served(to: argparse.ArgumentParser) -> None:
    to.add_argument("--link", required=True, help="the study's address, {id} for a participant's")
    to.add_argument("--stimuli", type=Path, required=True, help="its stimulus folder")
    to.add_argument("--reference", default="hr", help="what outputs are shown against")
    to.add_argument("--bots", type=int, default=4, help="how many (default: %(default)s)")
    to.add_argument("--first", type=int, default=1, help="number of the first bot")
    to.add_argument(
        "--trials-each",
        type=int,
        default=63,
        help="trials of a participant, from which leavers leave",
    )


def _add_circle(to: argparse.ArgumentParser) -> None:
    to.add_argument("--stimuli", type=Path, required=True, help="stimulus folder")
    to.add_argument("--runs", type=int, default=1, help="studies (default: %(default)s)")
    to.add_argument("--participants", type=int, default=12, help="per system")
    to.add_argument("--trials", type=int, default=6, help="test trials of each")
    to.add_argument("--images", type=int, default=12, help="test images")
    to.add_argument("--at-once", type=int, default=8, help="bots at a time")


def main(argv: list[str]) -> int:
    """Run the command; 0 when all bots fared as they should."""
    args = parser().parse_args(argv)
    rates = read_rates(args.rates)
    observers = Observers(**{field.name: getattr(args, field.name) for field in fields(Observers)})
    if args.path == "numbers":
        return _numbers(args, rates, observers)
    if args.path == "circle":
        return _circle(args, rates, observers)
    tour = Tour(
        _checked(args.link),
        Crowd(observers, rates, args.seed),
        Eye(args.stimuli, args.reference),
        args.trials_each,
    )
    people = [f"bot{number:05d}" for number in range(args.first, args.first + args.bots)]
    if args.path == "http":
        print(report(send_bots(tour, people, args.at_once)))
    else:
        print(report(browse(people, tour, args.browser_path)))
    return 0


def read_rates(text: str) -> dict[str, float]:
    """`sr3=0.47,regression=0.15` as a mapping; InputError says what is wrong with it."""
    rates: dict[str, float] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        try:
            rates[name.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals or not name.strip():
            raise InputError(f"found rate {part!r}, wanted SYSTEM=RATE with a rate inside 0..1")
    return rates


def _checked(link: str) -> str:
    if "{id}" not in link or not link.startswith(("http://", "https://")):
        raise InputError(
            f"found link {link!r}, wanted an http address with {{id}}, such as "
            "http://127.0.0.1:8000/study/demo?participant={id}"
        )
    return link


def _numbers(args: argparse.Namespace, rates: dict[str, float], observers: Observers) -> int:
    design = Design(args.participants, args.trials, args.images, len(rates), args.kind)
    try:
        exposures = tuple(float(part) for part in args.exposures.split(","))
    except ValueError as error:
        raise InputError(f"found exposures {args.exposures!r}, wanted milliseconds") from error
    rng = np.random.default_rng(args.seed)
    frames = [
        simulate_rows(Study(rates, args.name, task.strip(), exposures), observers, design, rng)
        for task in args.tasks.split(",")
    ]
    rows = pd.concat(frames, ignore_index=True)
    write_atomic(args.out, rows.to_csv(index=False, lineterminator="\n").encode())
    truth = ", ".join(f"{name} {100 * rate:g} %" for name, rate in rates.items())
    print(f"wrote {len(rows)} answers to {args.out}; true rates: {truth}")
    return 0


def _circle(args: argparse.Namespace, rates: dict[str, float], observers: Observers) -> int:
    # Imported here: the other paths need neither the server nor the analysis.
    from twoafc_server.simulation.circle import bot_study, circle

    held: list[bool] = []
    for run in range(args.seed, args.seed + args.runs):
        study = bot_study(f"bots-{run}", args.participants, args.trials, args.images, run)
        found, visits = circle(args.stimuli, study, Crowd(observers, rates, run), args.at_once)
        for one in found:
            held.append(one.held)
            print(
                f"{one.study} {one.system}: true {100 * one.truth:g} %, found "
                f"{100 * one.rate:.1f} % [{100 * one.low:.1f}, {100 * one.high:.1f}]"
                f"{'' if one.held else ', MISSED'}; {len(visits)} bots",
                flush=True,
            )
    print(f"the interval held the truth in {sum(held)} of {len(held)} cases")
    return 0


def report(visits: list[Visit]) -> str:
    """How the bots fared, in a few lines."""
    outcomes = [visit.outcome for visit in visits]
    counts = ", ".join(f"{outcomes.count(name)} {name}" for name in sorted(set(outcomes)))
    again = sum(visit.second is not None for visit in visits)
    lines = [f"{len(visits)} bots: {counts}; {sum(v.answers for v in visits)} answers"]
    if again:
        lines.append(f"{again} arrived a second time and were not let in")
    return "\n".join(lines)
