"""Draw docs/images/tradeoff.png: settings of the shipped face model between error and naturalness.

    python benchmarks/tradeoff.py [--settings FILE] [--run FOLDER] [--out FILE]

The curve is the rows of one sampler and number of steps in a file by benchmarks/sample.py, the
points are the other systems of a kept run on the same pictures. Of a run that has its settings in
it (`--setting` of bench.run) the same is drawn by `python -m bench.report RUN --tradeoff FILE`.
"""

from collections.abc import Iterator
from pathlib import Path

from bench.comparison.tradeoff import Curve, Place, Tradeoff, axis_of, place_of
from bench.plots.tradeoff import write_tradeoff
from bench.records.finished import read_finished
from bench.records.measurements import Measurements, read_measurements
from bench.statistics.intervals import Interval
from sr3.base.commands import Parser
from sr3.base.errors import InputError, run_command

KEPT = Path("results/models/portraits128")
PLAIN = "1/1"
METRICS = ("psnr", "fd_efficientnet_lite0")
OF_SAMPLES = ("psnr", "fd")  # the same numbers in a file by benchmarks/sample.py


def settings(found: Measurements, sampler: str) -> Iterator[tuple[float, float, str]]:
    """(spread, temperature, row) of the rows of a sampler, from samples to the mean."""
    rows = []
    for row in found.rows:
        name, _, softened = row.partition("@")
        if name == sampler:
            temperature, spread = map(float, (softened or PLAIN).split("/"))
            rows.append((-spread, -temperature, row))
    for spread, temperature, row in sorted(rows):
        yield -spread, -temperature, row


def _numbers(found: Measurements, row: str) -> Iterator[Interval]:
    for name in OF_SAMPLES:
        number = found.rows[row][name]
        assert number.value is not None  # every row of the file has both
        yield Interval(number.value, number.low, number.high, found.n)


def tradeoff(found: Measurements, run: Path, sampler: str) -> Tradeoff:
    """The picture's numbers.

    Raises:
        InputError: fewer than two settings, or a run on other pictures.
    """
    finished = read_finished(run)
    data, first = found.made["data"], finished.records[0]
    if data["sha256"] != first.dataset["sha256"]:
        raise InputError(
            f"found settings on {data['name']} and a run on {first.dataset['name']}, "
            "wanted the same pictures"
        )
    places = tuple(
        Place(f"{temperature:g} / {spread:g}", row, *_numbers(found, row))
        for spread, temperature, row in settings(found, sampler)
    )
    if len(places) < 2:
        raise InputError(f"found {len(places)} settings of {sampler}, wanted two or more")
    metrics = {name: finished.metrics[name] for name in METRICS}
    name, _, steps = sampler.partition(":")
    told = f"{name}, {steps} steps"
    curve = Curve(found.made["weights"]["name"], told, ("temperature", "spread"), places)
    own = found.made["weights"]["sha256"]
    others = [r for r in finished.measured if r.checkpoint_sha256 != own]
    points = tuple(place for r in others if (place := place_of(r, metrics)))
    axes = [axis_of(metric) for metric in metrics.values()]
    return Tradeoff(first.suite, data["name"], found.n, axes[0], axes[1], (curve,), points)


def main(argv: list[str] | None = None) -> int:
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--settings", type=Path, default=KEPT / "samplers.json", help="by benchmarks/sample.py"
    )
    parser.add_argument(
        "--sampler", default="dpmpp-2m-sde:8", help="its rows of this sampler and steps"
    )
    parser.add_argument("--run", type=Path, default=KEPT / "face8x", help="kept run of the others")
    parser.add_argument(
        "--out", type=Path, default=Path("docs/images/tradeoff.png"), help="picture to write"
    )
    args = parser.parse_args(argv)
    write_tradeoff(args.out, tradeoff(read_measurements(args.settings), args.run, args.sampler))
    print(args.out)
    return 0


if __name__ == "__main__":
    run_command(main)
