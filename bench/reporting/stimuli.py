"""The stimulus folder of a study: a run's verified pictures, named by content, and a manifest.

Nothing but the manifest knows which picture is which.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from bench.images.given_lr import with_given_lr
from bench.images.hr import Item, open_set, read_hr, read_output
from bench.images.lowres import LowRes
from bench.images.pixels import to_batch
from bench.records.record import read_record
from bench.suites.protocol import load_suite
from sr3.base.errors import InputError
from sr3.base.files import disk_errors, sha256_of_bytes, sha256_of_file, write_bytes, write_json
from sr3.pictures.resize import upsample

MANIFEST_VERSION = 1
# What practice and catch trials show against the true image: plainly worse, so that feedback and
# attention have a right answer.
EASY = "bicubic"
EASY_RESTORED = "input"  # where the input is no low resolution


@dataclass(frozen=True)
class Wanted:
    """How many images of each role, and where they come from.

    Attributes:
        data, lr: folders of the run's HR images and of its given LR, as told to the run.
        images: for the test; None takes all but the held-out.
        extra: folder of HR images for practice and catch; None holds them out of the run's.
        seed: of the choice.
    """

    data: Path | None = None
    lr: Path | None = None
    images: int | None = None
    practice: int = 5
    catch: int = 8
    extra: Path | None = None
    seed: int = 0


@dataclass(frozen=True)
class Chosen:
    """The run's images by their role in the study; extra ones come from a folder of their own."""

    test: tuple[Item, ...]
    practice: tuple[Item, ...]
    catch: tuple[Item, ...]
    lr: LowRes


def read_run(folder: Path, systems: Sequence[str]) -> tuple[str, dict[str, dict[str, Path]]]:
    """The suite's name and, by system, each image's output by stem, its hash as in the record.

    Raises:
        InputError: no such record, records of different data, or a picture that was changed.
    """
    records = {name: read_record(folder / f"{name}.json") for name in systems}
    data = {record.dataset.get("sha256") for record in records.values()}
    if len(data) != 1 or len(records) != len(systems):
        raise InputError(
            f"found records of {len(data)} data sets and {len(records)} different systems in "
            f"{folder}, wanted one data set and {len(systems)} systems"
        )
    outputs: dict[str, dict[str, Path]] = {}
    for name in systems:
        outputs[name] = {}
        for row in _image_rows(folder / f"{name}.images.csv"):
            path = folder / "images" / name / f"{row['image']}.png"
            if sha256_of_file(path) != row["sr_sha256"]:
                raise InputError(f"{path} differs from its record: run the suite again")
            outputs[name][row["image"]] = path
    return next(iter(records.values())).suite, outputs


def require_same(given: str, of_run: str) -> str:
    """A suite as it is given, by name or file; InputError where the run is of another."""
    named = load_suite(given)
    if named.name != of_run:
        raise InputError(f"found suite {named.name} at {given}, the run is of {of_run}")
    return given


def _image_rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
    except OSError as error:
        raise InputError(f"found no readable {path} ({error.strerror})") from error
    if not rows or not {"image", "sr_sha256"} <= rows[0].keys():
        raise InputError(f"found no per-image values with hashes in {path}: run the suite again")
    return rows


def choose(wanted: Wanted, suite_name: str, stems: set[str]) -> Chosen:
    """Deal images to their roles with a seeded permutation; held-out ones are no test images.

    Raises:
        InputError: too few images, or HR images that are not those of the run.
    """
    named = load_suite(suite_name)
    images = with_given_lr(open_set(named, wanted.data), wanted.lr, named)
    items = [item for item in images.items if item.stem in stems]
    if len(items) != len(stems):
        raise InputError(
            f"found {len(items)} of the run's {len(stems)} HR images: give the --data of the run"
        )
    generator = np.random.default_rng(wanted.seed)
    mixed = [items[i] for i in generator.permutation(len(items))]
    held_out = wanted.practice + wanted.catch
    spare = list(open_set(named, wanted.extra).items) if wanted.extra else mixed[:held_out]
    test = mixed if wanted.extra else mixed[held_out:]
    count = len(test) if wanted.images is None else wanted.images
    if len(spare) < held_out or not 0 < count <= len(test):
        raise InputError(
            f"found {len(test)} images for the test and {len(spare)} for practice and catch, "
            f"wanted {count} and {held_out}: ask for fewer, or give --extra DIR"
        )
    _require_one_size([*test[:count], *spare[:held_out]])
    by_stem = sorted(test[:count], key=lambda item: item.stem)
    return Chosen(
        tuple(by_stem),
        tuple(spare[: wanted.practice]),
        tuple(spare[wanted.practice : held_out]),
        images.lr,
    )


def _require_one_size(items: Sequence[Item]) -> None:
    sizes = sorted({item.size for item in items})
    if len(sizes) > 1:
        (height, width), (other_height, other_width) = sizes[0], sizes[-1]
        raise InputError(
            f"found pictures of {len(sizes)} sizes, {width}x{height} and {other_width}x"
            f"{other_height} among them, wanted one: a study shows pictures of one size, so run "
            "the suite on such"
        )


@dataclass(frozen=True)
class _Folder:
    """Where pictures are written, and how their LR comes to be."""

    out: Path
    scale: int
    lr: LowRes

    def write(self, pixels: np.ndarray) -> str:
        """Encode without metadata, name by content; the file's name."""
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
        name = f"{sha256_of_bytes(buffer.getvalue())}.png"
        write_bytes(self.out / name, buffer.getvalue())
        return name


def write_stimuli(
    run: Path, suite_name: str, outputs: dict[str, dict[str, Path]], chosen: Chosen, out: Path
) -> dict[str, Any]:
    """Write every picture, then the manifest, which is returned.

    Raises:
        InputError: the folder holds something already, or a picture has another size.
    """
    named = load_suite(suite_name)
    suite = named.suite
    folder = _Folder(out, suite.scale, chosen.lr)
    if out.exists() and any(out.iterdir()):
        raise InputError(f"found files in {out}: give an empty or new folder")
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    stimuli = [
        _stimulus(folder, item, "test", {name: by[item.stem] for name, by in outputs.items()})
        for item in chosen.test
    ]
    for role, items in (("practice", chosen.practice), ("catch", chosen.catch)):
        stimuli += [_stimulus(folder, item, role, None) for item in items]
    content = {
        "version": MANIFEST_VERSION,
        "suite": named.name,
        "scale": suite.scale,
        "input": chosen.lr.look,
        "source_run": run.name,
        "systems": list(outputs),
        "stimuli": stimuli,
    }
    write_json(out / "manifest.json", content)
    return content


def _stimulus(
    folder: _Folder, item: Item, role: str, outputs: dict[str, Path] | None
) -> dict[str, Any]:
    """One row of the manifest; outputs None: the input enlarged, for practice and catch."""
    hr = read_hr(item)
    scale = folder.scale
    lr = folder.lr.shown([item.lr], to_batch([hr]), scale)
    if outputs is None:
        easy = (upsample(lr.double(), scale) + 0.5).floor().clamp(0, 255)
        name = EASY if folder.lr.degradation is None else EASY_RESTORED
        pictures = {name: easy.to(torch.uint8)[0].permute(1, 2, 0).numpy()}
    else:
        pictures = {name: read_output(path, item, "the study") for name, path in outputs.items()}
    return {
        "image": item.stem if outputs is not None else f"{role}-{item.stem}",
        "role": role,
        "hr": folder.write(hr),
        "lr": folder.write(lr[0].permute(1, 2, 0).numpy()),
        "outputs": {name: folder.write(pixels) for name, pixels in pictures.items()},
    }
