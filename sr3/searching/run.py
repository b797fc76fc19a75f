"""A search from what was asked for to its end: the job, every step budget, the tables."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from sr3.base.errors import InputError
from sr3.base.files import sha256_of_bytes, sha256_of_file, write_text
from sr3.diffusion.schedule import Schedule
from sr3.networks import checkpoint
from sr3.networks.model import ModelSpec, training_schedule
from sr3.networks.precision import resolve
from sr3.pictures import images
from sr3.sampling import schedule_choice
from sr3.searching import report, scores
from sr3.searching.halving import Search, halve
from sr3.searching.report import Row, Trial
from sr3.searching.space import FAMILIES, candidates
from sr3.searching.worker import Job, Setting, executor


@dataclass(frozen=True)
class Run:
    """One search.

    Attributes:
        data: folder of held-out HR pictures.
        steps: budgets.
        sampler: None is the model's own.
        score: name of `scores.load`.
        candidates: schedules per budget.
        families: of `space.FAMILIES`.
        limit: first so many pictures only.
        workers: processes; None takes the CPU's cores, or 1 on a GPU.
        consistent: search under the projection onto the input.
    """

    data: Path
    out: Path
    weights: str
    steps: list[int]
    sampler: str | None
    score: str
    candidates: int
    families: list[str]
    limit: int | None
    workers: int | None
    consistent: bool
    seed: int
    device: str
    precision: str

    def __post_init__(self) -> None:
        unknown = set(self.families) - set(FAMILIES)
        if unknown:
            raise InputError(f"found families {sorted(unknown)}, wanted of {', '.join(FAMILIES)}")
        if self.candidates < 1 or (self.workers or 1) < 1:
            raise InputError("found fewer than 1 for --candidates or --workers: wanted 1 or more")
        if (least := min(self.steps)) < 2:
            raise InputError(f"found {least} steps, wanted 2 or more: one step has no schedule")


def search(run: Run) -> str:
    """Search every budget and write schedules, trials, tables and the picture; the table."""
    weights = checkpoint.find_weights(run.weights)
    spec = checkpoint.load_model(weights).spec
    if spec.task != "sr3":
        raise InputError(f"found a {spec.task} model in {weights}, wanted one that refines")
    sampler = run.sampler or spec.sampler
    score, job = scores.load(run.score), make_job(run, weights, spec)
    print(json.dumps(asdict(job.setting) | {"sampler": sampler, "steps": run.steps}))
    trials: list[Trial] = []
    rows: list[Row] = []
    cores = 1 if run.device == "cuda" else (os.cpu_count() or 1)
    with executor(run.workers or cores) as pool:
        searching = Search(pool, job, score, spec)
        for steps in run.steps:
            more, compared = search_budget(run, searching, sampler, steps)
            trials, rows = trials + more, rows + compared
    write_text(run.out / "trials.csv", report.csv_of(trials))
    report.write(run.out, rows, score.name)
    return report.markdown(rows, score.name)


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
    run: Run, search: Search, sampler: str, steps: int
) -> tuple[list[Trial], list[Row]]:
    """Search one step budget, write its schedule, and score what it is compared with."""
    training, count = training_schedule(search.spec), len(search.job.pictures)
    drawn = candidates(run.candidates, run.families, steps, training, run.seed)
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
    schedule_choice.save(run.out / f"schedule-{steps}.json", found, provenance)
    return trials, rows


def pictures_digest(paths: list[Path]) -> str:
    """One hash over the contents, in order."""
    return sha256_of_bytes("".join(map(sha256_of_file, paths)).encode())


def make_job(run: Run, weights: Path, spec: ModelSpec) -> Job:
    """Check the pictures and settle what the features depend on."""
    paths = images.list_images(run.data)[: run.limit]
    sizes = {images.read_rgb(p).shape[:2] for p in paths}
    side = spec.unet.resolution
    if sizes != {(side, side)} or len(paths) < 2:
        raise InputError(
            f"found {len(paths)} pictures of sizes {sorted(sizes)} in {run.data}, "
            f"wanted at least 2 of {side}x{side}"
        )
    setting = Setting(
        weights_sha256=sha256_of_file(weights),
        pictures_sha256=pictures_digest(paths),
        consistent=run.consistent,
        seed=run.seed,
        precision=resolve(run.precision, run.device),
        score=run.score,
    )
    cache = run.out / "features"
    cache.mkdir(parents=True, exist_ok=True)
    return Job(setting, weights, tuple(paths), cache, run.device)
