"""A run that is kept with the project: records and values, without pictures, caches and paths.

`results/models/<data set>/<suite>/` in the checkout holds them; documents show their numbers.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.records.finished import FinishedRun, read_finished
from bench.records.provenance import CHECKOUT
from sr3.base.errors import InputError
from sr3.base.files import read_json, write_json, write_text

KEPT = CHECKOUT / "results" / "models"
OF_SYSTEM = ("{}.json", "{}.images.csv", "{}.draws.json")
OF_RUN = ("comparisons.json", "results.json", "groups.json", "groups.txt")
SHOWN_PARTS = 2  # of a path that named a place on one machine


def keep(folder: Path, out: Path) -> Path:
    """Copy a finished run into `<out>/<suite>/`; the index comes last. Returns that folder.

    Raises:
        InputError: no finished run, a run of a system that failed, or a target that is no kept run.
    """
    results = read_finished(folder)
    if bad := [r.system for r in results.records if r.status != "ok"]:
        raise InputError(f"found {', '.join(bad)} without images in {folder}, wanted a whole run")
    index = read_json(folder / "results.json")
    if own := [path for path in index["metrics"].values() if path.endswith(".py")]:
        raise InputError(f"found metric {own[0]} in {folder}, wanted only metrics of the package")
    target = out / results.records[0].suite
    if target.resolve() == folder.resolve():
        raise InputError(f"found the run itself at {target}, wanted another folder for --keep")
    _clear(target)
    dataset = results.records[0].dataset["name"]
    write_json(target / "run.json", _run(read_json(folder / "run.json"), dataset))
    for name in _files(results):
        _copy(folder / name, target / name)
    write_json(target / "results.json", index | {"places": {}})
    return target


def command_of(run: Mapping[str, Any]) -> str:
    """The command line that makes a run again, out of its `run.json`."""
    words = ["python", "-m", "bench.run"]
    for key, option in OPTIONS.items():
        words += _words(option, run.get(key))
    return shlex.join(words)


OPTIONS = {
    name: f"--{name.replace('_', '-')}"
    for name in (
        "suite", "data", "systems", "metrics", "accept", "limit", "seed", "sampler", "steps",
        "schedule", "temperature", "spread", "start", "consistent", "training", "batch_size",
        "samples", "device", "precision",
    )
} | {"imports": "--system", "settings": "--setting", "checkpoints": "--checkpoint"}  # fmt: skip


def _words(option: str, value: Any) -> list[str]:
    if value is None or value is False or value == [] or value == {}:
        return []
    if value is True:
        return [option]
    if isinstance(value, Mapping):
        return [word for name, path in value.items() for word in (option, f"{name}={path}")]
    return [option, ",".join(value) if isinstance(value, list) else str(value)]


def _files(results: FinishedRun) -> list[str]:
    """Names of what is kept; draws and groups where there are any."""
    named = [part.format(r.system) for r in results.records for part in OF_SYSTEM]
    known = [name for name in (*named, *OF_RUN) if name != "results.json"]
    return [name for name in known if (results.folder / name).is_file()]


def _copy(source: Path, target: Path) -> None:
    """JSON without the machine's paths, anything else as it is."""
    if source.suffix == ".json":
        write_json(target, without_places(read_json(source)))
    else:
        write_text(target, source.read_text(encoding="utf-8"))


def _run(run: Mapping[str, Any], dataset: str) -> dict[str, Any]:
    """`run.json` with the command; the data by name, the folder of outputs dropped."""
    kept: dict[str, Any] = without_places({k: v for k, v in run.items() if k != "out"})
    kept["data"] = None if run["data"] is None else dataset
    return {"command": command_of(kept)} | kept


def without_places(value: Any) -> Any:
    """JSON content whose absolute paths are cut to their last two parts."""
    if isinstance(value, Mapping):
        return {key: without_places(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_places(item) for item in value]
    if isinstance(value, str) and value.startswith("/") and Path(value).is_absolute():
        return str(Path(*Path(value).parts[1:][-SHOWN_PARTS:]))
    return value


def _clear(target: Path) -> None:
    """Remove the kept run that lies there; anything else in its place is refused."""
    if not target.exists():
        return
    if not (target / "results.json").is_file() or (target / "images").exists():
        raise InputError(f"found {target}, which holds no kept run: give another --keep")
    for path in target.iterdir():
        path.unlink()
