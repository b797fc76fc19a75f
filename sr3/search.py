"""Find inference schedules: `python -m sr3.search --data FOLDER --steps 4,8,16 --out FOLDER`.

For every step budget, candidates of parametric families are compared by successive halving: all of
them on a few held-out pictures, the better half on twice as many, the last ones on all. Every
candidate sees the same noise. Features are kept under --out, so the same command goes on where it
was interrupted, and a larger search builds on a smaller one. Writes schedule-STEPS.json, which
`sr3.sample --schedule` and suites take, trials.csv, and score against steps as table and picture.
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from sr3.base.errors import InputError, run_command
from sr3.base.files import write_text
from sr3.diffusion import samplers
from sr3.diffusion.schedule import Schedule
from sr3.networks import checkpoint
from sr3.networks.model import ModelSpec, training_schedule
from sr3.networks.precision import CHOICES, resolve
from sr3.pictures import images
from sr3.sample import DEFAULT_WEIGHTS, LOG_INTERVAL_S, find_weights
from sr3.sampling import schedule_choice
from sr3.searching import report, scores
from sr3.searching.report import Row, Trial
from sr3.searching.scores import Score
from sr3.searching.space import FAMILIES, candidates
from sr3.searching.worker import Job, Setting, Task, executor, submit_all

FIRST_RUNG = 12  # pictures: fewer make the Frechet distance a coin toss


@dataclass(frozen=True)
class Search:
    """One invocation: where features come from and how they are judged."""

    pool: Executor
    job: Job
    score: Score
    spec: ModelSpec

    def evaluate(self, chosen: list[tuple[str, Schedule]], count: int, label: str) -> list[float]:
        """Scores of (sampler, schedule) pairs on the first `count` pictures."""
        tasks = [Task(name, tuple(s.gamma.tolist()), count) for name, s in chosen]
        futures = submit_all(self.pool, self.job, [Task("", None, count), *tasks])
        truth = futures[0].result()
        bar: Iterable[int] = tqdm(
            range(len(tasks)), desc=label, unit="schedule", file=sys.stderr,
            mininterval=0.1 if sys.stderr.isatty() else LOG_INTERVAL_S,
        )  # fmt: skip
        return [self.score.value(futures[1 + i].result(), truth) for i in bar]

    def better_first(self, values: list[float]) -> list[int]:
        """Indices from the best value to the worst."""
        order = np.argsort(values, kind="stable")
        return [int(i) for i in (order[::-1] if self.score.higher_is_better else order)]


def rung_sizes(pictures: int, count: int) -> list[int]:
    """Pictures of each rung: doubling up to all of them, from `FIRST_RUNG` or more."""
    sizes = [pictures]
    while sizes[0] // 2 >= FIRST_RUNG and count >> len(sizes) >= 2:
        sizes.insert(0, sizes[0] // 2)
    return sizes


def halve(
    search: Search, sampler: str, steps: int, pool: list[Schedule], pictures: int
) -> tuple[Schedule, float, list[Trial]]:
    """Successive halving (Jamieson & Talwalkar 2016): the winner, its score, all trials."""
    left, trials = pool, []
    values: list[float] = []
    for rung, count in enumerate(rung_sizes(pictures, len(pool))):
        if rung:
            left = [left[i] for i in search.better_first(values)[: (len(left) + 1) // 2]]
        label = f"{steps} steps, {len(left)} schedules on {count} pictures"
        values = search.evaluate([(sampler, s) for s in left], count, label)
        trials += [Trial(steps, rung, s.name, count, v) for s, v in zip(left, values, strict=True)]
    best = search.better_first(values)[0]
    return left[best], values[best], trials


def references(spec: ModelSpec, sampler: str, steps: int) -> dict[str, tuple[str, Schedule]]:
    """What a found schedule is compared with, by the name that tables show."""
    plain = {
        "Algorithm 2": ("ancestral", schedule_choice.TRAINING),
        f"{sampler}, training schedule thinned": (sampler, schedule_choice.TRAINING),
        f"{sampler}, even log-SNR": (sampler, schedule_choice.even_log_snr(spec)),
    }
    return {
        name: (run, schedule_choice.parse(text, spec, steps)) for name, (run, text) in plain.items()
    }


def search_budget(
    search: Search, args: argparse.Namespace, sampler: str, steps: int
) -> tuple[list[Trial], list[Row]]:
    """Search one step budget, write its schedule, and score what it is compared with."""
    training, count = training_schedule(search.spec), len(search.job.pictures)
    drawn = candidates(args.candidates, args.families.split(","), steps, training, args.seed)
    found, value, trials = halve(
        search, sampler, steps, [c.schedule(steps, training) for c in drawn], count
    )
    against = references(search.spec, sampler, steps)
    others = search.evaluate(list(against.values()), count, f"{steps} steps, references")
    rows = [Row(steps, f"{sampler}, found", found.name, value)]
    rows += [
        Row(steps, name, schedule.name, v)
        for (name, (_, schedule)), v in zip(against.items(), others, strict=True)
    ]
    provenance = asdict(search.job.setting) | {
        "sampler": sampler,
        "pictures": count,
        "candidates": len(drawn),
        search.score.name: value,
        "references": dict(zip(against, others, strict=True)),
    }
    schedule_choice.save(args.out / f"schedule-{steps}.json", found, provenance)
    return trials, rows


def pictures_digest(paths: list[Path]) -> str:
    """One hash over the contents, in order."""
    return hashlib.sha256("".join(map(checkpoint.sha256, paths)).encode()).hexdigest()


def make_job(args: argparse.Namespace, weights: Path, spec: ModelSpec) -> Job:
    """Check the pictures and settle what the features depend on."""
    paths = images.list_images(args.data)[: args.limit]
    sizes = {images.read_rgb(p).shape[:2] for p in paths}
    side = spec.unet.resolution
    if sizes != {(side, side)} or len(paths) < 2:
        raise InputError(
            f"found {len(paths)} pictures of sizes {sorted(sizes)} in {args.data}, "
            f"wanted at least 2 of {side}x{side}"
        )
    setting = Setting(
        weights_sha256=checkpoint.sha256(weights),
        pictures_sha256=pictures_digest(paths),
        consistent=args.consistent,
        seed=args.seed,
        precision=resolve(args.precision, args.device),
        score=args.score,
    )
    cache = args.out / "features"
    cache.mkdir(parents=True, exist_ok=True)
    return Job(setting, weights, tuple(paths), cache, args.device)


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sr3.search", description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="FOLDER", help="held-out HR pictures")
    add("--out", type=Path, required=True, metavar="FOLDER")
    add("--weights", default=DEFAULT_WEIGHTS, help="file or shipped name (default: %(default)s)")
    add("--steps", default="4,8,16", metavar="N,N,...", help="step budgets (default: %(default)s)")
    add("--sampler", choices=list(samplers.INFO), help="default: the model's")
    add("--score", default="fd", help="fd, psnr or package.module:factory (default: %(default)s)")
    add("--candidates", type=int, default=24, help="schedules per budget (default: %(default)s)")
    add("--families", default=",".join(FAMILIES), help="default: %(default)s")
    add("--limit", type=int, metavar="N", help="first N pictures only")
    add("--workers", type=int, help="processes (default: the CPU's cores, or 1 on a GPU)")
    add("--consistent", action="store_true", help="search under the consistency projection")
    add("--seed", type=int, default=0)
    add("--device", choices=("cpu", "cuda"), default="cpu")
    add("--precision", choices=CHOICES, default="auto", help="auto: bf16 where the device has it")
    return parser.parse_args(argv)


def check(args: argparse.Namespace) -> list[int]:
    """The step budgets; InputError on options that cannot be."""
    unknown = set(args.families.split(",")) - set(FAMILIES)
    if unknown:
        raise InputError(f"found families {sorted(unknown)}, wanted of {', '.join(FAMILIES)}")
    if args.candidates < 1 or (args.workers or 1) < 1:
        raise InputError("found fewer than 1 for --candidates or --workers: wanted 1 or more")
    try:
        budgets = [int(n) for n in args.steps.split(",")]
    except ValueError as error:
        raise InputError(f"found --steps {args.steps!r}, wanted numbers like 4,8,16") from error
    if min(budgets) < 2:
        raise InputError(f"found {min(budgets)} steps, wanted 2 or more: one step has no schedule")
    return sorted(set(budgets))


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    budgets = check(args)
    weights = find_weights(args.weights)
    spec = checkpoint.load_model(weights).spec
    if spec.task != "sr3":
        raise InputError(f"found a {spec.task} model in {weights}, wanted one that refines")
    sampler = args.sampler or spec.sampler
    score, job = scores.load(args.score), make_job(args, weights, spec)
    print(json.dumps(asdict(job.setting) | {"sampler": sampler, "steps": budgets}))
    trials: list[Trial] = []
    rows: list[Row] = []
    cores = 1 if args.device == "cuda" else (os.cpu_count() or 1)
    with executor(args.workers or cores) as pool:
        search = Search(pool, job, score, spec)
        for steps in budgets:
            more, compared = search_budget(search, args, sampler, steps)
            trials, rows = trials + more, rows + compared
    write_text(args.out / "trials.csv", report.csv_of(trials))
    report.write(args.out, rows, score.name)
    print(report.markdown(rows, score.name))
    return 0


if __name__ == "__main__":
    run_command(main)
