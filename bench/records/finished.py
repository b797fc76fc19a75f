"""A finished run read back from its folder: records, per-image values and comparisons."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.metrics.protocol import Metric, Values, load_metric, metric_names
from bench.records.record import REFERENCE, Record, is_record, read_images, read_record
from sr3.base.errors import InputError
from sr3.base.files import read_json, write_json


@dataclass(frozen=True)
class ImageFolder:
    """A folder of images, relative to the run where it lies inside; suffixes other than .png."""

    folder: str
    suffixes: Mapping[str, str]


def write_index(
    folder: Path,
    metrics: Mapping[str, str],
    files: Mapping[str, Mapping[str, Path]],
    lr: Mapping[str, Path] | None = None,
) -> None:
    """Write `results.json`, the index of the last run in a folder.

    Args:
        metrics: name of each metric and what loads it (the name again, or a file).
        files: per system the file of each stem, in the order of the table; none where it failed.
        lr: given LR file of each stem; none where LR was made.
    """
    places = {system: _place(folder, paths) for system, paths in files.items() if paths}
    write_json(
        folder / "results.json",
        {
            "systems": list(files),
            "metrics": dict(metrics),
            "places": {system: asdict(place) for system, place in places.items()},
        }
        | ({"lr": {stem: str(path.resolve()) for stem, path in lr.items()}} if lr else {}),
    )


@dataclass(frozen=True)
class FinishedRun:
    """All that tables and the report are made from.

    Attributes:
        images: stems, the same for every system; own: those of each system of an unpaired run.
        values: per system and metric, in their order.
        places: where each system's images lie.
        lr: given LR files by stem; none where LR was made.
    """

    folder: Path
    records: tuple[Record, ...]
    metrics: Mapping[str, Metric]
    comparisons: Mapping[str, Any]
    images: tuple[str, ...]
    values: Mapping[str, Mapping[str, Values]]
    places: Mapping[str, "ImageFolder"]
    lr: Mapping[str, Path] = field(default_factory=dict)
    own: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_unpaired(self) -> bool:
        """Whether pictures were generated and have no HR."""
        return self.records[0].is_unpaired

    def path(self, system: str, stem: str) -> Path:
        """File of one image of a system, or of HR under the name of the reference.

        Raises:
            InputError: the run was kept without its images.
        """
        if system not in self.places:
            raise InputError(
                f"found no images of {system} beside {self.folder}, which was kept without them: "
                "make the run again with the command in its run.json"
            )
        place = self.places[system]
        return self.folder / place.folder / f"{stem}{place.suffixes.get(stem, '.png')}"

    @property
    def measured(self) -> tuple[Record, ...]:
        """Systems with numbers, without the ground truth."""
        return tuple(r for r in self.records if r.status == "ok" and r.system != REFERENCE)


def read_finished(folder: Path) -> FinishedRun:
    """Read the records of the last run in a suite's folder.

    Records of another data set, left by an earlier run, are not among them.

    Raises:
        InputError: no run in the folder, or damaged files.
    """
    run = folder / "results.json"
    if not run.is_file():
        raise InputError(f"found no finished run in {folder}: give the folder of a suite's records")
    listed = read_json(run)
    records = tuple(read_record(folder / f"{name}.json") for name in listed["systems"])
    metrics = {name: _metric(name, listed["metrics"][name]) for name in listed["metrics"]}
    values: dict[str, Mapping[str, Values]] = {}
    images: tuple[str, ...] = ()
    own: dict[str, tuple[str, ...]] = {}
    for record in records:
        if record.status == "ok":
            stems, found = read_images(folder, record.system)
            if record.is_unpaired:
                own[record.system] = tuple(stems)
            else:
                values[record.system], images = found, tuple(stems)
    places = {system: ImageFolder(**place) for system, place in listed["places"].items()}
    comparisons = read_json(folder / "comparisons.json")
    lr = {stem: Path(path) for stem, path in listed.get("lr", {}).items()}
    return FinishedRun(folder, records, metrics, comparisons, images, values, places, lr, own)


def suite_folders(out: Path) -> list[Path]:
    """Folders of finished runs directly under `out`, or `out` itself."""
    if (out / "results.json").is_file():
        return [out]
    return sorted(path.parent for path in out.glob("*/results.json"))


def record_files(folder: Path) -> list[Path]:
    """Every record in a folder, of whatever run."""
    return [path for path in sorted(folder.glob("*.json")) if is_record(path)]


def _metric(name: str, path: str) -> Metric:
    return load_metric(name if name in metric_names() else path)


def _place(folder: Path, paths: Mapping[str, Path]) -> ImageFolder:
    parent = next(iter(paths.values())).parent.resolve()
    inside = parent.is_relative_to(folder.resolve())
    suffixes = {stem: path.suffix for stem, path in paths.items() if path.suffix != ".png"}
    return ImageFolder(str(parent.relative_to(folder.resolve()) if inside else parent), suffixes)
