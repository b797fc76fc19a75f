"""One way through a run: suite -> images -> values -> records -> tables. Knows no argv."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from baselines.foreign.public import SUFFIXES
from bench.base.progress import Counter, quiet, track
from bench.base.run_cache import RunCache
from bench.comparison import ranking
from bench.images.hr import ImageSet, open_set
from bench.images.outputs import Output, digest_of_folder
from bench.images.pixels import LR_ID
from bench.measuring.evaluation import Evaluation, Evaluator
from bench.metrics.protocol import Metric, load_metric
from bench.records.finished import write_index
from bench.records.provenance import git_state, hardware, libraries
from bench.records.published import load_table
from bench.records.record import REFERENCE, Record, now, write_images, write_record
from bench.reporting.sheet import write_sheet
from bench.running import rows
from bench.running.config import RunConfig
from bench.running.rows import Entry
from bench.suites.protocol import NamedSuite, load_suite
from bench.typesetting import latex, text
from bench.typesetting.table import Table, build
from sr3.base.errors import InputError
from sr3.base.files import write_json, write_text
from sr3.networks.precision import resolve

Say = Callable[[str], None]
ROW_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
RESERVED = (REFERENCE, "run", "results", "comparisons", "groups", "table", "report")


@dataclass(frozen=True)
class Result:
    """What a run leaves: records in the order of the table, and the table itself."""

    folder: Path
    records: tuple[Record, ...]
    table: Table

    @property
    def failed(self) -> list[str]:
        """Systems that crashed."""
        return [r.system for r in self.records if r.status.startswith("failed")]


@dataclass(frozen=True)
class Plan:
    """A run before anything is made: everything that can be refused has been checked."""

    config: RunConfig
    named: NamedSuite
    images: ImageSet
    metrics: Mapping[str, Metric]
    systems: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where the records go."""
        return self.config.out / self.named.name

    def lines(self) -> list[str]:
        """The resolved configuration, for people."""
        suite, images = self.named.suite, self.images
        height, width = suite.size
        return [
            f"suite    {self.named.name} v{suite.version}: {suite.title}",
            f"images   {len(images.items)} of {width}x{height}, {images.origin}: {images.root}",
            f"systems  {', '.join([*self.systems, *self.config.imports])}",
            f"metrics  {', '.join(self.metrics)}",
            f"options  seed {self.config.seed}, batch {self.config.batch_size}, "
            f"{self.config.device} {self.config.precision}, steps {self.config.steps or 'default'}",
            f"output   {self.folder}",
        ]


def plan(config: RunConfig) -> Plan:
    """Load the suite, check images and names, settle the precision; nothing is written.

    Raises:
        InputError: an unknown suite, system or metric, or images that do not fit.
    """
    named = load_suite(config.suite)
    metrics = {_key(m): load_metric(m) for m in config.metrics or named.suite.metrics}
    systems = tuple(config.systems or named.suite.systems)
    for name in systems:
        rows.check_name(name)
    check_row_names([*map(_key, systems), *config.imports])
    shown = track if config.world.is_first else quiet
    images = open_set(named, config.data, config.limit, progress=shown)
    settled = replace(config, precision=resolve(config.precision, config.device))
    return Plan(settled, named, images, metrics, systems)


def check_row_names(names: Sequence[str]) -> None:
    """InputError for a name that occurs twice, is taken by a file of the run, or is a path."""
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"found system {name!r} twice, wanted one row of each name")
        if name in RESERVED or not ROW_NAME.fullmatch(name):
            raise InputError(
                f"found system name {name!r}, wanted letters, digits, '_', '-', '+' and '.', "
                f"and none of {', '.join(RESERVED)}"
            )


def run(planned: Plan, say: Say = print) -> Result | None:
    """Make or find every system's images, measure them, write records, tables and the sheet.

    All images are made first and then judged in one pass, so that HR is looked at once. Under
    torchrun every process first does its share of both; only the first one returns a result.
    """
    world = planned.config.world
    with closing(RunCache(planned.folder / "cache.sqlite")) as cache:
        evaluator = _evaluator(planned, cache)
        entries = [
            rows.reference(planned.images),
            *_entries(planned, cache, say if world.is_first else lambda line: None),
        ]
        if world.size > 1:
            _do_share(planned, evaluator, entries)
            world.wait()
        if not world.is_first:
            return None
        write_json(planned.folder / "run.json", planned.config.to_json())
        made = [_make(planned, entry, say) for entry in entries]
        _see(planned, evaluator, [m.outputs for m in made if m.outputs])
        done = [_judge(planned, evaluator, m, say) for m in made]
    return _finish(planned, done)


def _do_share(planned: Plan, evaluator: Evaluator, entries: Sequence[Entry]) -> None:
    """Fill the cache for this process's images; what fails here fails again where it is told."""
    share, made = planned.config.world.share(planned.images.items), []
    for entry in entries:
        if entry.outputs is None:
            continue
        with suppress(Exception), _bar(planned, entry.name, "sharing", len(share)) as progress:
            made.append(entry.outputs(share, progress))
            if entry.sample is not None and evaluator.wants_samples:
                for number in range(1, planned.config.samples):
                    entry.sample(share, number, lambda count: None)
    with suppress(Exception):
        _see(planned, evaluator, made)


def _see(planned: Plan, evaluator: Evaluator, systems: Sequence[Sequence[Output]]) -> None:
    with _bar(planned, "all systems", "judging", sum(map(len, systems))) as progress:
        evaluator.see(systems, progress)


@dataclass(frozen=True)
class Made:
    """A row with its images; none where it has a problem."""

    entry: Entry
    outputs: tuple[Output, ...] = ()


@dataclass(frozen=True)
class Done:
    """One finished row; outputs are empty for a system that did not run."""

    record: Record
    outputs: tuple[Output, ...] = ()
    evaluation: Evaluation | None = None


def _make(planned: Plan, entry: Entry, say: Say) -> Made:
    if entry.outputs is None:
        say(f"{entry.name}: {entry.problem}")
        return Made(entry)
    try:
        with _bar(planned, entry.name, "making") as progress:
            return Made(entry, tuple(entry.outputs(planned.images.items, progress)))
    except InputError:
        raise
    except Exception as error:  # a broken system must not take the others with it
        return Made(_failed(entry, error, say))


def _judge(planned: Plan, evaluator: Evaluator, made: Made, say: Say) -> Done:
    entry, outputs = made.entry, made.outputs
    if not outputs:
        return _write(planned, Done(_record(planned, entry)))
    hr = [item.sha256 for item in planned.images.items]
    samples = partial(_samples, planned, entry) if entry.role == "system" else None
    try:
        evaluation = evaluator.evaluate(outputs, hr, samples)
    except InputError:
        raise
    except Exception as error:  # nor must one whose images cannot be judged
        return _write(planned, Done(_record(planned, _failed(entry, error, say))))
    record = _record(planned, entry, outputs, evaluation)
    return _write(planned, Done(record, outputs, evaluation))


def _failed(entry: Entry, error: Exception, say: Say) -> Entry:
    problem = rows.describe_failure(error)
    say(f"{entry.name}: {problem}; its finished images stay")
    return replace(entry, problem=problem)


def _samples(planned: Plan, entry: Entry) -> list[tuple[Output, ...]]:
    """The further samples of every input; none for a system without noise."""
    drawn: list[tuple[Output, ...]] = []
    for number in range(1, planned.config.samples if entry.sample else 1):
        assert entry.sample is not None
        with _bar(planned, entry.name, f"sample {number + 1}") as progress:
            drawn.append(entry.sample(planned.images.items, number, progress))
    return drawn


def _write(planned: Plan, done: Done) -> Done:
    name = done.record.system
    if done.evaluation is not None:
        write_images(planned.folder, name, done.outputs, done.evaluation.per_image)
        if done.evaluation.sets:
            sets = {k: {"value": s.value, "n": s.interval.n, "draws": list(map(float, s.draws))}
                    for k, s in done.evaluation.sets.items()}  # fmt: skip
            write_json(planned.folder / f"{name}.draws.json", sets)
    write_record(planned.folder, done.record)
    return done


def _finish(planned: Plan, done: Sequence[Done]) -> Result:
    comparisons = _comparisons(planned, done)
    write_json(planned.folder / "comparisons.json", comparisons)
    records = tuple(d.record for d in done)
    published = planned.named.suite.paper_table
    table = build(
        records, planned.metrics, comparisons, load_table(published) if published else None
    )
    write_text(planned.folder / "table.tex", latex.render(table))
    write_text(planned.folder / "table.txt", text.render(table))
    files = {d.record.system: {o.item.stem: o.path for o in d.outputs} for d in done}
    shown = {name: paths for name, paths in files.items() if paths and name != REFERENCE}
    write_sheet(planned.folder / "sheet.png", planned.named.suite, planned.images.items, shown)
    loaders = planned.config.metrics or planned.named.suite.metrics
    write_index(planned.folder, {_key(name): name for name in loaders}, files)
    return Result(planned.folder, records, table)


def _comparisons(planned: Plan, done: Sequence[Done]) -> dict[str, Any]:
    scored: dict[str, dict[str, ranking.Scored]] = {name: {} for name in planned.metrics}
    for finished in done:
        if finished.evaluation is None or finished.record.system == REFERENCE:
            continue
        for name, values in finished.evaluation.per_image.items():
            scored[name][finished.record.system] = ranking.Scored(per_image=values)
        for name, value in finished.evaluation.sets.items():
            scored[name][finished.record.system] = ranking.Scored(
                set_value=value.value, draws=value.draws, n=value.interval.n
            )
    ranked = ranking.rankings(planned.metrics, scored)
    return {name: result.to_json() for name, result in ranked.items()}


def _record(
    planned: Plan,
    entry: Entry,
    outputs: Sequence[Output] = (),
    evaluation: Evaluation | None = None,
) -> Record:
    suite, images, provenance = planned.named.suite, planned.images, entry.provenance
    return Record(
        suite=planned.named.name,
        suite_version=suite.version,
        system=entry.name,
        role=entry.role,
        source=entry.source,
        dataset={"name": images.name, "sha256": images.sha256, "n": len(images.items)},
        scale=suite.scale,
        size=suite.size,
        downsampler=LR_ID,
        seed=planned.config.seed,
        batch_size=planned.config.batch_size,
        checkpoint_sha256=provenance.get("checkpoint_sha256"),
        sampler=provenance.get("sampler"),
        steps=provenance.get("steps"),
        provenance=provenance,
        outputs_sha256=digest_of_folder(outputs) if outputs else None,
        libraries=libraries(),
        hardware=hardware(planned.config.device),
        git=git_state(),
        created=now(),
        metrics=evaluation.scores if evaluation else {},
        status=entry.problem or "ok",
        extra={"weights": evaluation.weights} if evaluation and evaluation.weights else {},
    )


def _entries(planned: Plan, cache: RunCache, say: Say) -> Iterator[Entry]:
    for name in planned.systems:
        yield rows.system(name, planned.named, planned.config, planned.folder, cache)
    for name, path in planned.config.imports.items():
        if path.suffix.lower() in SUFFIXES:
            yield rows.public(name, planned.named, planned.config, planned.folder, cache)
        else:
            yield rows.imported(
                name, planned.named, planned.config, planned.images, planned.folder, say
            )


def _evaluator(planned: Plan, cache: RunCache) -> Evaluator:
    labels = [item.label for item in planned.images.items]
    return Evaluator(
        planned.named,
        planned.metrics,
        cache,
        planned.folder / "cache",
        planned.config.device,
        planned.config.seed,
        labels,
    )


def _key(metric: str) -> str:
    return Path(metric).stem if metric.endswith(".py") else metric


@contextmanager
def _bar(
    planned: Plan, name: str, doing: str, total: int | None = None
) -> Iterator[Callable[[int], None]]:
    if not planned.config.world.is_first:
        yield lambda count: None
        return
    with Counter(total or len(planned.images.items), f"{name}: {doing}") as counter:
        yield counter.add
