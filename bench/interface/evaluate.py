"""`bench.evaluate`: what `python -m bench.run` measures, of pictures that a program holds.

It is that command: pictures are written as PNG into a temporary folder, and the run does the rest.
"""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.doctor.examination import CHECKS
from bench.images.hr import ImageSet, open_set
from bench.interface.held import check_fit, is_place, numbered, pixels_of, write_all
from bench.interface.results import Results, results_of
from bench.running.config import RunConfig, choose_device
from bench.running.plan import check_row_names, plan
from bench.running.runner import run
from bench.suites.protocol import NamedSuite, load_suite
from sr3.base.errors import InputError

ALONE = "sr"  # the row of pictures that have no name


def evaluate(
    hr: Any,
    sr: Any,
    lr: Any = None,
    suite: str = "face8x",
    metrics: Sequence[str] | None = None,
    *,
    systems: Sequence[str] = (),
    accept: Sequence[str] | None = None,
    limit: int | None = None,
    seed: int = 0,
    device: str = "auto",
) -> Results:
    """Scores with 95 % intervals; the same numbers as `python -m bench.run` to the last digit.

    Pictures are arrays (N, H, W, 3) or (H, W, 3) of uint8 or of floats in [0, 1]; tensors
    (N, 3, H, W) or (3, H, W) of uint8 or of floats in [-1, 1]; PIL images; or lists of these.
    Floats are rounded to 8 bits, half up. A text or a path is a folder of picture files.

    Args:
        hr: the reference pictures; None takes the suite's own (BENCH_DATA, or those embedded).
        sr: one system's outputs in the order of `hr`, or outputs by name of system, such as
            {"mine": array, "theirs": "folder"}. Files of a folder pair with HR by name; a path may
            be anything else that `--system NAME=PATH` takes.
        lr: LR that is given instead of made from HR, as for `--lr`; its operator is recognised.
        suite: name of a suite, or the path of your own .py file.
        metrics: names, or paths of .py files; None takes the suite's own.
        systems: of the suite, such as "bicubic", to be run and measured beside.
        accept: checks of the import doctor (`python -m bench.check`) whose findings are taken
            knowingly, the others refused as by the command. None refuses nothing that can be
            measured: what was found (channels in the order BGR, copies of HR, a shift, ...) is told
            in `notes` and under the table.
        limit: use the first N pictures by name only.
        seed: of the noise of `systems`, and of resampling for set-level metrics.
        device: "auto", "cpu" or "cuda".

    Returns:
        `print` it, or let a notebook show it; numbers are in `table`, `frame` and `per_image`.

    Raises:
        InputError: pictures of a wrong type, range, size or number, an unknown suite, metric or
            system, or outputs that the doctor refuses.
    """
    if load_suite(suite).suite.unpaired:
        raise InputError(
            f"found suite {suite}, which judges folders of generated pictures: "
            f"python -m bench.run --suite {suite} --system NAME=DIR"
        )
    outputs = dict(sr) if isinstance(sr, Mapping) else {ALONE: sr}
    config = RunConfig(
        suite, metrics=metrics, systems=tuple(systems), limit=limit, seed=seed,
        accept=CHECKS if accept is None else tuple(accept), device=choose_device(device),
        silent=True,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="bench-evaluate-") as folder:
        try:
            work = _Work(Path(folder), load_suite(suite), limit)
            return _measured(replace(config, **work.folders(hr, outputs, lr)))
        except InputError as error:
            raise InputError(_without(folder, str(error))) from error


def _measured(config: RunConfig) -> Results:
    result = run(plan(config), lambda line: None)  # what it says is in the records too
    assert result is not None  # this is the only process
    return results_of(result)


def _without(folder: str, message: str) -> str:
    """A message without the temporary folder, which is gone when it is read."""
    named = re.sub(rf"{re.escape(folder)}/(outputs/)?", "", message)
    return re.sub(r"; see `python -m bench.check [^`]*`", "", named)


@dataclass(frozen=True)
class _Work:
    """The temporary folder of one call."""

    folder: Path
    named: NamedSuite
    limit: int | None

    def folders(self, hr: Any, outputs: Mapping[str, Any], lr: Any) -> dict[str, Any]:
        """Those fields of a run's configuration; written where pictures were given."""
        check_row_names(list(outputs))
        data = self._hr(hr)
        images = open_set(self.named, data, self.limit)
        imports = {name: self._output(name, held, images) for name, held in outputs.items()}
        given = None if lr is None else self._lr(lr, images)
        return {"data": data, "imports": imports, "lr": given, "out": self.folder / "run"}

    def _hr(self, held: Any) -> Path | None:
        if held is None or is_place(held):
            return None if held is None else Path(held)
        pictures, size = pixels_of(held, "hr"), self.named.suite.size
        names = numbered(len(pictures))
        if size is not None:
            wanted = f"suite {self.named.name} never resizes"
            check_fit(pictures, dict.fromkeys(names, size), "hr", wanted)
        return write_all(self.folder / "arrays", pictures, names)

    def _output(self, name: str, held: Any, images: ImageSet) -> Path:
        if is_place(held):
            return Path(held)
        pictures = pixels_of(held, name)
        sizes = {item.stem: item.size for item in images.items}
        check_fit(pictures, sizes, name, "one per HR picture, of its size")
        return write_all(self.folder / "outputs" / name, pictures, list(sizes))

    def _lr(self, held: Any, images: ImageSet) -> Path:
        if is_place(held):
            return Path(held)
        pictures, scale = pixels_of(held, "lr"), self.named.suite.scale
        sizes = {i.stem: (i.size[0] // scale, i.size[1] // scale) for i in images.items}
        check_fit(pictures, sizes, "lr", f"one per HR picture, 1/{scale} of its sides")
        return write_all(self.folder / "lr", pictures, list(sizes))
