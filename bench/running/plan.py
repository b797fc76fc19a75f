"""A run before anything is made: suite, images, metrics and names, all checked."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from baselines.protocol import PACKAGE
from bench.base.progress import Counter, quiet, track
from bench.images.generated import no_real, open_real
from bench.images.given_lr import with_given_lr
from bench.images.hr import ImageSet, Track, open_set
from bench.measuring.reference_statistics import read_reference, statistics_of
from bench.metrics.protocol import Metric, load_metric
from bench.records.record import REFERENCE
from bench.running.config import RunConfig
from bench.suites.protocol import NamedSuite, load_suite
from sr3.base.errors import InputError
from sr3.base.modules import find_module
from sr3.networks.precision import resolve

Say = Callable[[str], None]
ROW_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
RESERVED = (REFERENCE, "run", "results", "comparisons", "groups", "table", "report")


@dataclass(frozen=True)
class Plan:
    """A run whose every input has been checked, but foreign outputs."""

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
        gray = f"; gray, as three equal channels: {', '.join(images.gray)}" if images.gray else ""
        return [
            f"suite    {self.named.name} v{suite.version}: {suite.title}",
            f"images   {images.words}{gray}",
            *([] if suite.unpaired else [f"{images.lr.called:8} {images.lr.words}"]),
            f"systems  {', '.join([*self.systems, *self.config.imports])}",
            *(f"setting  {name} = {s.text}" for name, s in self.config.settings.items()),
            f"metrics  {', '.join(self.metrics)}",
            f"options  seed {self.config.seed}, batch {self.config.batch_size}, "
            f"{self.config.device} {self.config.precision}, steps {self.config.steps or 'default'}",
            f"output   {self.folder}",
        ]

    @contextmanager
    def bar(self, label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Progress over all images, or over `total`; only the first process shows it."""
        if not self.config.shows_progress:
            yield lambda count: None
            return
        with Counter(total or len(self.images.items), label) as counter:
            yield counter.add


def plan(config: RunConfig) -> Plan:
    """Load the suite, check images and names, settle the precision; nothing is written.

    Raises:
        InputError: an unknown suite, system or metric, or images that do not fit.
    """
    named = load_suite(config.suite)
    metrics = {key_of(m): load_metric(m) for m in config.metrics or named.suite.metrics}
    systems = tuple(named.suite.systems if config.systems is None else config.systems)
    for name in [*systems, *(setting.system for setting in config.settings.values())]:
        find_module(PACKAGE, name, "system")  # weights are not looked for
    check_row_names([*map(key_of, systems), *config.settings, *config.imports])
    shown = track if config.shows_progress else quiet
    if named.suite.unpaired:
        _require_folders_alone(config, named, systems)
        named, images = _real(config, named, shown)
    else:
        images = open_set(named, config.data, config.limit, progress=shown)
        images = with_given_lr(images, config.lr, named)
    settled = replace(config, precision=resolve(config.precision, config.device))
    return Plan(settled, named, images, metrics, systems)


def _require_folders_alone(config: RunConfig, named: NamedSuite, systems: Sequence[str]) -> None:
    what = f"suite {named.name}, which judges folders of generated pictures"
    own = [*systems, *config.settings]
    if own or not config.imports:
        raise InputError(
            f"found {'systems ' + ', '.join(own) if own else 'no folder'} for {what}: "
            "give --system NAME=DIR for each"
        )
    if config.lr is not None:
        raise InputError(f"found --lr for {what}: there is no LR, leave it out")


def _real(config: RunConfig, named: NamedSuite, shown: Track) -> tuple[NamedSuite, ImageSet]:
    """The real pictures, or what stands for them where only their statistics are kept."""
    kept = statistics_of(named.name)
    given = config.data or os.environ.get("BENCH_DATA") or named.suite.embedded
    if kept.is_file() and not given and named.suite.size is not None:
        return named, no_real(read_reference(kept).source, kept)
    return open_real(named, config.data, config.limit, progress=shown)


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


def key_of(name: str) -> str:
    """The short name of a metric or system that may be given as the path of a .py file."""
    return Path(name).stem if name.endswith(".py") else name
