"""Does the headline interval cover? Simulated studies with known truth, one row per setting.

    python benchmarks/coverage.py                 # 2000 studies per setting, about 2 minutes
    python benchmarks/coverage.py --studies 5000 --only coverage  # what the document records

The settings are the designs and spreads behind `docs/analysis.md`, whose tables this prints.
"""

import sys
import time
from collections.abc import Iterator

import numpy as np

from sr3.base.commands import Parser
from twoafc_server.power.coverage import coverage, rejections, simulation_error
from twoafc_server.simulation.observers import Observers
from twoafc_server.simulation.plans import Design

# Spreads in logits (participants, images): none, small, the study document's, large, lopsided.
SPREADS = ((0.0, 0.0), (0.3, 0.3), (0.63, 0.42), (1.0, 0.8), (0.2, 0.8), (0.8, 0.2))
# The paper's size at its rates; then other sizes.
PAPER = Design(participants=50, trials=50, images=100)
RATES = (0.5, 0.3, 0.15, 0.085)
OTHERS = (
    Design(participants=200, trials=100, images=100),
    Design(participants=100, trials=50, images=100),
    Design(participants=50, trials=20, images=20),
    Design(participants=20, trials=20, images=40),
    Design(participants=12, trials=50, images=100),
)


def settings() -> Iterator[tuple[Design, float, tuple[float, float]]]:
    for rate in RATES:
        for spread in SPREADS:
            yield PAPER, rate, spread
    for design in OTHERS:
        for rate in (0.5, 0.15):
            for spread in SPREADS[2:4]:
                yield design, rate, spread


def size_of(design: Design) -> str:
    return f"{design.participants} x {design.trials} of {design.images}"


def coverage_table(studies: int, bootstrapped: int, rng: np.random.Generator) -> Iterator[str]:
    yield (
        "| design | rate | spreads | two-way | participants only | Wilson | pigeonhole "
        "| half width |\n|---|---|---|---|---|---|---|---|"
    )
    for design, rate, (people, images) in settings():
        observers = Observers(participant_sd=people, image_sd=images)
        found = coverage(rate, observers, design, studies, rng)
        hole = "-"
        if design == PAPER and rate in (0.5, 0.085) and bootstrapped:
            few = coverage(rate, observers, design, bootstrapped, rng, draws=500)
            hole = f"{100 * (few.pigeonhole or 0):.1f}"
        yield (
            f"| {size_of(design)} | {100 * rate:g} % | {people:g}, {images:g} "
            f"| {100 * found.two_way:.1f} | {100 * found.participants:.1f} "
            f"| {100 * found.wilson:.1f} | {hole} | {100 * found.half_width:.1f} |"
        )


def test_settings() -> list[tuple[Design, tuple[float, float]]]:
    designs = (Design(50, 50, 100, 2, "between"), Design(100, 25, 100, 2, "within"))
    return [(design, spread) for design in designs for spread in SPREADS]


def test_row(number: int, studies: int, seed: int) -> str:
    """One row; its generator depends on its number, so rows can be made apart."""
    design, (people, images) = test_settings()[number]
    rng = np.random.default_rng([seed, number])
    observers = Observers(participant_sd=people, image_sd=images)
    null = rejections((0.5, 0.5), observers, design, studies, rng)
    # At the edge of the margin the equivalence test has its largest error.
    edge = rejections((0.55,), observers, _single(design), studies, rng, margin=0.05)
    return (
        f"| {size_of(design)} | {design.kind} | {people:g}, {images:g} "
        f"| {100 * (null.between_systems or 0):.1f} | {100 * null.against_half:.1f} "
        f"| {100 * edge.equivalent:.1f} |"
    )


def test_table(studies: int, seed: int) -> Iterator[str]:
    yield (
        "| design | kind | spreads | system vs system | vs 50 % | TOST at its margin |\n"
        "|---|---|---|---|---|---|"
    )
    for number in range(len(test_settings())):
        yield test_row(number, studies, seed)


def _single(design: Design) -> Design:
    return Design(design.participants, design.trials, design.images)


def main(argv: list[str]) -> int:
    parser = Parser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--studies", type=int, default=2000, help="simulated per setting")
    parser.add_argument("--bootstrapped", type=int, default=500, help="0 leaves pigeonhole out")
    parser.add_argument("--seed", type=int, default=0, help="of the simulation")
    parser.add_argument("--only", choices=("coverage", "tests"), help="one of the two tables")
    args = parser.parse_args(argv)
    rng = np.random.default_rng(args.seed)
    start = time.perf_counter()
    error = 100 * simulation_error(0.95, args.studies)
    print(f"{args.studies} studies per setting: a share of 95 % is known to +- {error:.1f}.\n")
    if args.only != "tests":
        print("Coverage of 95 % intervals, %\n")
        for line in coverage_table(args.studies, args.bootstrapped, rng):
            print(line, flush=True)
    if args.only != "coverage":
        print("\nRejections at 5 %, where nothing is to be found, %\n")
        for line in test_table(args.studies, args.seed):
            print(line, flush=True)
    print(f"\n{time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
