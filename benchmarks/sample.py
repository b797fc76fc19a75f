"""Speed and quality of every sampler against its number of steps, in one run.

    python benchmarks/sample.py --data FOLDER --out FOLDER [--weights FILE] [--plan PLAN]

FOLDER holds HR pictures of the model's size. For each sampler and number of steps it measures
pictures per second and the network's evaluations, the Frechet distance to the HR set on the
offline extractor with a bootstrap interval, PSNR, consistency and the largest colour shift; and the
difference in Frechet distance to Algorithm 2 at its most steps, over the same resampled pictures.
Writes sample.json, with the command and what else the numbers depend on, and from it sample.csv,
sample.md and sample.png. What is done is kept under --out, so the same command goes on where it
stopped. Measure on a quiet machine: beside another job the speed says nothing.
"""

import argparse
import csv
import json
import shlex
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from bench.documents import kept_tables
from bench.images.hr import ImageSet, Item
from bench.records.measurements import (
    Measurements,
    Number,
    Quantity,
    made_here,
    write_measurements,
)
from bench.statistics.frechet import paired_bootstrap
from bench.statistics.intervals import interval_of_draws
from bench.typesetting import markdown
from sr3.base.commands import Parser
from sr3.base.errors import InputError, run_command
from sr3.base.files import sha256_of_file, write_text
from sr3.base.rng import generator_of
from sr3.diffusion import samplers
from sr3.networks import checkpoint
from sr3.networks.checkpoint import DEFAULT_WEIGHTS, find_weights
from sr3.networks.precision import CHOICES, resolve
from sr3.pictures import images
from sr3.pictures.resize import downsample
from sr3.sampling import schedule_choice, upscaling
from sr3.searching import scores
from sr3.searching.space import key_of

STEPS = (1, 2, 4, 8, 16, 32, 100)
BASELINE = "ancestral"
DRAWS = 1000
PLAIN = {"temperature": 1.0, "spread": 1.0}
QUANTITIES = {
    "evaluations": Quantity("evaluations", "", 0),
    "images_per_second": Quantity("images/s", "", 2),
    "fd": Quantity("FD", "", 1),
    "fd_minus_baseline": Quantity("FD - baseline", "", 1, signed=True),
    "psnr": Quantity("PSNR", "dB", 2),
    "consistency": Quantity("consistency", "MSE", 3, times=1e5),
    "colour_shift": Quantity("colour shift", "of 255", 2),
}


@dataclass(frozen=True)
class Case:
    """A sampler at a number of steps, with or without the projection."""

    sampler: str
    steps: int
    consistent: bool
    temperature: float = 1.0
    spread: float = 1.0

    @property
    def label(self) -> str:
        """The sampler and what differs from its plain use."""
        parts = [self.sampler, "--consistent" if self.consistent else ""]
        parts += [f"--{k} {v:g}" for k, v in self._softened().items() if v != 1]
        return " ".join(part for part in parts if part)

    @property
    def planned(self) -> str:
        """The case as `--plan` takes it."""
        softened = f"@{self.temperature:g}/{self.spread:g}" if self._softened() != PLAIN else ""
        return f"{self.sampler}{'+' if self.consistent else ''}:{self.steps}{softened}"

    def _softened(self) -> dict[str, float]:
        return {"temperature": self.temperature, "spread": self.spread}


@dataclass(frozen=True)
class Measured:
    """What one pass over all pictures gives; seconds are of the sampling alone."""

    seconds: float
    psnr: float
    consistency: float
    colour_shift: float


@dataclass(frozen=True)
class Row:
    """A line of the table. fd_minus_baseline is None for the baseline itself."""

    case: str
    label: str
    sampler: str
    steps: int
    consistent: bool
    temperature: float
    spread: float
    schedule: str
    evaluations: int
    images_per_second: float
    fd: float
    fd_low: float
    fd_high: float
    fd_minus_baseline: float | None
    difference_low: float | None
    difference_high: float | None
    psnr: float
    consistency: float
    colour_shift: float


class Benchmark:
    """Pictures, model and cache of one run."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        weights = find_weights(args.weights)
        self.model = checkpoint.load_model(weights, args.device)
        self.score = scores.FrechetLite()
        paths = images.list_images(args.data)[: args.limit]
        self.hr = np.stack([images.read_rgb(p) for p in paths])
        digests = [sha256_of_file(path) for path in paths]
        self.key = [sha256_of_file(weights), *digests, args.precision]
        items = [Item(p.stem, p, digest) for p, digest in zip(paths, digests, strict=True)]
        items.sort(key=lambda item: item.stem)
        self.data_sha256 = ImageSet("", args.data, "--data", tuple(items)).sha256
        small = downsample(images.from_uint8(self.hr.copy()), self.model.spec.scale)
        self.lr = images.from_uint8(images.to_uint8(small))
        args.out.mkdir(parents=True, exist_ok=True)

    def run(self, case: Case) -> tuple[Measured, np.ndarray]:
        """Measure a case, or take it from the cache; features (n, d)."""
        path = self.args.out / "cases" / f"{key_of(self.key, asdict(case), self.schedule(case))}"
        if path.with_suffix(".json").is_file():
            measured = Measured(**json.loads(path.with_suffix(".json").read_text()))
            return measured, np.load(path.with_suffix(".npy"))
        self._sample(case, slice(0, 1))  # the first call allocates and picks kernels
        begun = time.perf_counter()
        batch, count = self.args.batch_size, len(self.lr)
        parts = [self._sample(case, slice(i, i + batch)) for i in range(0, count, batch)]
        seconds = time.perf_counter() - begun
        pixels = np.concatenate(parts)
        measured, features = self._measure(pixels, seconds), self.score.features(pixels)
        path.parent.mkdir(exist_ok=True)
        np.save(path.with_suffix(".npy"), features)
        write_text(path.with_suffix(".json"), json.dumps(asdict(measured)))
        return measured, features

    def schedule(self, case: Case) -> list[float]:
        spec, told = self.model.spec, self._told(case)
        return schedule_choice.choose(spec, case.sampler, case.steps, told).gamma.tolist()

    def _told(self, case: Case) -> str | None:
        """The schedule of a case, where it is not the training one thinned."""
        return None if case.sampler in schedule_choice.THINNED else self.args.schedule

    def _sample(self, case: Case, part: slice) -> np.ndarray:
        lr = self.lr[part].to(self.args.device)
        generators = [generator_of(0, "benchmark", part.start + i) for i in range(len(lr))]
        sr = upscaling.upscale(
            self.model, lr, generators, case.sampler, case.steps, self.args.precision,
            schedule=self._told(case), consistent=case.consistent,
            temperature=case.temperature, spread=case.spread,
        )  # fmt: skip
        return images.to_uint8(sr)

    def _measure(self, pixels: np.ndarray, seconds: float) -> Measured:
        residual = (downsample(images.from_uint8(pixels), self.model.spec.scale) - self.lr) / 2
        psnr = scores.Psnr()
        value = psnr.value(psnr.features(pixels), psnr.features(self.hr))
        consistency = float(residual.square().mean())
        return Measured(seconds, value, consistency, self.colour_shift(pixels))

    def colour_shift(self, pixels: np.ndarray) -> float:
        """Largest change of a picture's mean colour against its input, of 255."""
        means = images.from_uint8(pixels.copy()).mean(dim=(2, 3))
        return float((means - self.lr.mean(dim=(2, 3))).abs().max() * 127.5)


def tabulate(bench: Benchmark, found: dict[Case, tuple[Measured, np.ndarray]]) -> list[Row]:
    """Rows with intervals, all over the same resampled pictures."""
    truth = bench.score.features(bench.hr)
    drawn = {case: paired_bootstrap(f, truth, DRAWS, 0) for case, (_, f) in found.items()}
    distance = {case: value for case, (value, _) in drawn.items()}
    draws = {case: spread for case, (_, spread) in drawn.items()}
    plain = [c for c in found if c.label == BASELINE]
    baseline = max(plain, key=lambda c: c.steps, default=None)
    rows = []
    for case, (measured, _) in found.items():
        interval = interval_of_draws(distance[case], draws[case], len(truth))
        difference = low = high = None
        if baseline is not None and case != baseline:
            difference = distance[case] - distance[baseline]
            low, high = np.quantile(draws[case] - draws[baseline], [0.025, 0.975]).tolist()
        schedule = schedule_choice.choose(bench.model.spec, case.sampler, case.steps, None)
        rows.append(
            Row(
                case=case.planned,
                label=case.label,
                **asdict(case),
                schedule=schedule.name,
                evaluations=samplers.INFO[case.sampler].cost(case.steps),
                images_per_second=len(bench.hr) / measured.seconds,
                fd=distance[case],
                fd_low=interval.low,
                fd_high=interval.high,
                fd_minus_baseline=difference,
                difference_low=low,
                difference_high=high,
                psnr=measured.psnr,
                consistency=measured.consistency,
                colour_shift=measured.colour_shift,
            )
        )
    return rows


def measurements(bench: "Benchmark", rows: list[Row]) -> Measurements:
    """The rows with all that they depend on, for tables and documents."""
    args = bench.args
    data = f"{args.data.resolve().parent.name}/{args.data.name}"
    made = made_here(
        command_of(args, data),
        args.device,
        data={"name": data, "sha256": bench.data_sha256, "n": len(bench.hr)},
        weights={"name": Path(args.weights).name, "sha256": bench.key[0]},
        precision=args.precision,
        draws=DRAWS,
    )
    numbers = {row.case: {name: _number(row, name) for name in QUANTITIES} for row in rows}
    numbers["true pictures"] = {"colour_shift": Number(bench.colour_shift(bench.hr))}
    title = f"Samplers on {len(bench.hr)} pictures of {data}, {args.precision}"
    return Measurements(title, len(bench.hr), made, QUANTITIES, numbers)


def _number(row: Row, name: str) -> Number:
    if name == "fd":
        return Number(row.fd, row.fd_low, row.fd_high)
    if name == "fd_minus_baseline":
        return Number(row.fd_minus_baseline, row.difference_low, row.difference_high)
    return Number(getattr(row, name))


def command_of(args: argparse.Namespace, data: str) -> str:
    """The command that makes the numbers again, without this machine's folders."""
    words = ["python", "benchmarks/sample.py", "--data", data, "--out", "OUT"]
    for name in ("weights", "plan", "limit", "batch_size", "threads", "device", "precision"):
        if (value := getattr(args, name)) is not None:
            shown = " ".join(value.split()) if name == "plan" else value
            words += [f"--{name.replace('_', '-')}", str(shown)]
    return shlex.join([*words, *(["--consistent"] if args.consistent else [])])


def plot(path: Path, rows: list[Row]) -> None:
    """Frechet distance against evaluations, and against time, one line per sampler."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    for label in dict.fromkeys(r.label for r in rows):
        line = sorted((r for r in rows if r.label == label), key=lambda r: r.steps)
        fd = [r.fd for r in line]
        plain = label == line[0].sampler
        style = {"marker": "o" if plain else "s", "ls": "-" if plain else "--"}
        spread = [[r.fd - r.fd_low for r in line], [r.fd_high - r.fd for r in line]]
        left.errorbar([r.evaluations for r in line], fd, spread, label=label, **style, capsize=2)
        right.plot([1 / r.images_per_second for r in line], fd, **style)
    for axes, label in ((left, "network evaluations"), (right, "seconds per image")):
        axes.set_xscale("log")
        axes.set_xlabel(label)
        axes.grid(alpha=0.3)
    left.set_ylabel("fd_efficientnet_lite0")
    left.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=130)


def read_plan(text: str | None, consistent: bool) -> list[Case]:
    """Cases of "sampler:steps,steps sampler:steps@temperature/spread"; None: all.

    A + behind the sampler projects.
    """
    if text is None:
        return [Case(s, n, consistent) for s in samplers.INFO for n in STEPS]
    cases = []
    for part in text.split():
        name, _, rest = part.partition(":")
        steps, _, softened = rest.partition("@")
        samplers.get(name.rstrip("+"))
        projected = consistent or name.endswith("+")
        try:
            numbers = [int(n) for n in steps.split(",")]
            temperature, spread = map(float, (softened or "1/1").split("/"))
        except ValueError as error:
            raise InputError(
                f"found {part!r} in --plan, wanted SAMPLER:N,N,... or SAMPLER:N@TEMPERATURE/SPREAD"
            ) from error
        cases += [Case(name.rstrip("+"), n, projected, temperature, spread) for n in numbers]
    return cases


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of HR pictures")
    parser.add_argument("--out", type=Path, required=True, help="folder for what is found")
    parser.add_argument("--weights", default=DEFAULT_WEIGHTS, help="file or shipped name")
    parser.add_argument("--plan", help='such as "ancestral:16,100 dpmpp-2m:8 dpmpp-2m+:8"')
    parser.add_argument("--schedule", help="of all but ancestral and posterior (default: model's)")
    parser.add_argument("--consistent", action="store_true", help="project onto the input")
    parser.add_argument("--limit", type=int, help="the first pictures only")
    parser.add_argument("--batch-size", type=int, default=8, help="pictures at once")
    parser.add_argument("--threads", type=int, help="of torch (default: its own)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to sample")
    parser.add_argument(
        "--precision", choices=CHOICES, default="auto", help="auto: bf16 where the device has it"
    )
    args = parser.parse_args(argv)
    args.precision = resolve(args.precision, args.device)
    return args


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    cases = read_plan(args.plan, args.consistent)
    bench = Benchmark(args)
    rows = tabulate(bench, {case: bench.run(case) for case in tqdm(cases, unit="case")})
    with (args.out / "sample.csv").open("w", newline="") as opened:
        writer = csv.DictWriter(opened, [f.name for f in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    found = measurements(bench, rows)
    write_measurements(args.out / "sample.json", found)
    table = kept_tables.measured(found, "samplers")
    text = f"{table.caption}\n\n{markdown.render(table, markdown.Choice('sampler'))}\n"
    write_text(args.out / "sample.md", text)
    plot(args.out / "sample.png", rows)
    print(text)
    return 0


if __name__ == "__main__":
    run_command(main)
