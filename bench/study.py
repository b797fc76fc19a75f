"""From a benchmark to a study: `python -m bench.study --run RUN --systems A,B --out DIR`.

Takes the images and outputs of a finished run, verifies them against its records and writes a
stimulus folder for `python -m twoafc_server create`: plain 8-bit RGB PNGs named by the SHA-256 of
their bytes, and a manifest that alone knows what they are.
"""

import argparse
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.base.extra import require_bench_extra
from sr3.base.errors import InputError, run_command

if TYPE_CHECKING:
    import numpy as np

    from bench.images.hr import Item
    from bench.suites.protocol import Suite

MANIFEST_VERSION = 1
# What practice and catch trials show against the true image: plainly worse, so that feedback and
# attention have a right answer.
EASY = "bicubic"


@dataclass(frozen=True)
class Chosen:
    """The run's images by their role in the study; extra ones come from a folder of their own."""

    test: tuple["Item", ...]
    practice: tuple["Item", ...]
    catch: tuple["Item", ...]


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.study", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of a suite's records")
    parser.add_argument("--systems", required=True, help="systems of the run, by comma")
    parser.add_argument("--out", type=Path, required=True, help="stimulus folder to write")
    parser.add_argument("--data", type=Path, help="folder of HR images, as it was for bench.run")
    parser.add_argument("--images", type=int, help="test images; default: all but the held-out")
    parser.add_argument("--practice", type=int, default=5, help="practice images (default 5)")
    parser.add_argument("--catch", type=int, default=8, help="catch images (default 8)")
    parser.add_argument(
        "--extra",
        type=Path,
        help="folder of HR images for practice and catch; default: held out of the run's images",
    )
    parser.add_argument("--seed", type=int, default=0, help="which images are held out")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Write the stimulus folder; returns the exit code."""
    options = parse(argv)
    require_bench_extra()
    suite_name, outputs = read_run(options.run, options.systems.split(","))
    chosen = choose(options, suite_name, set.intersection(*map(set, outputs.values())))
    content = build(options.run, suite_name, outputs, chosen, options.out)
    print(
        f"wrote {options.out}: {len(chosen.test)} test, {len(chosen.practice)} practice and "
        f"{len(chosen.catch)} catch images, systems {', '.join(content['systems'])}"
    )
    return 0


def read_run(folder: Path, systems: Sequence[str]) -> tuple[str, dict[str, dict[str, Path]]]:
    """The suite's name and, by system, each image's output by stem, its hash as in the record.

    Raises:
        InputError: no such record, records of different data, or a picture that was changed.
    """
    from bench.records.record import read_record
    from sr3.base.files import sha256_of_file

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


def _image_rows(path: Path) -> list[dict[str, str]]:
    import csv

    try:
        with path.open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
    except OSError as error:
        raise InputError(f"found no readable {path} ({error.strerror})") from error
    if not rows or not {"image", "sr_sha256"} <= rows[0].keys():
        raise InputError(f"found no per-image values with hashes in {path}: run the suite again")
    return rows


def choose(options: argparse.Namespace, suite_name: str, stems: set[str]) -> Chosen:
    """Deal images to their roles with a seeded permutation; held-out ones are no test images.

    Raises:
        InputError: too few images, or HR images that are not those of the run.
    """
    import numpy as np

    from bench.images.hr import open_set
    from bench.suites.protocol import load_suite

    named = load_suite(suite_name)
    items = [item for item in open_set(named, options.data).items if item.stem in stems]
    if len(items) != len(stems):
        raise InputError(
            f"found {len(items)} of the run's {len(stems)} HR images: give the --data of the run"
        )
    generator = np.random.default_rng(options.seed)
    mixed = [items[i] for i in generator.permutation(len(items))]
    wanted = options.practice + options.catch
    spare = list(open_set(named, options.extra).items) if options.extra else mixed[:wanted]
    test = mixed if options.extra else mixed[wanted:]
    count = len(test) if options.images is None else options.images
    if len(spare) < wanted or not 0 < count <= len(test):
        raise InputError(
            f"found {len(test)} images for the test and {len(spare)} for practice and catch, "
            f"wanted {count} and {wanted}: ask for fewer, or give --extra DIR"
        )
    by_stem = sorted(test[:count], key=lambda item: item.stem)
    return Chosen(
        tuple(by_stem),
        tuple(spare[: options.practice]),
        tuple(spare[options.practice : wanted]),
    )


def build(
    run: Path, suite_name: str, outputs: dict[str, dict[str, Path]], chosen: Chosen, out: Path
) -> dict[str, Any]:
    """Write every picture, then the manifest, which is returned.

    Raises:
        InputError: the folder holds something already, or a picture has another size.
    """
    from bench.suites.protocol import load_suite
    from sr3.base.files import disk_errors, write_json

    suite = load_suite(suite_name).suite
    if out.exists() and any(out.iterdir()):
        raise InputError(f"found files in {out}: give an empty or new folder")
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    stimuli = [
        _stimulus(suite, out, item, "test", {name: by[item.stem] for name, by in outputs.items()})
        for item in chosen.test
    ]
    for role, items in (("practice", chosen.practice), ("catch", chosen.catch)):
        stimuli += [_stimulus(suite, out, item, role, None) for item in items]
    content = {
        "version": MANIFEST_VERSION,
        "suite": suite_name,
        "scale": suite.scale,
        "source_run": run.name,
        "systems": list(outputs),
        "stimuli": stimuli,
    }
    write_json(out / "manifest.json", content)
    return content


def _stimulus(
    suite: "Suite", out: Path, item: "Item", role: str, outputs: dict[str, Path] | None
) -> dict[str, Any]:
    """One row of the manifest; outputs None: the input enlarged, for practice and catch."""
    import torch

    from bench.images.hr import read_checked
    from bench.images.pixels import make_lr, to_batch
    from sr3.pictures.resize import upsample

    hr = read_checked(item.path, suite.size, "the study")
    lr = make_lr(to_batch([hr]), suite.scale)
    if outputs is None:
        easy = (upsample(lr.double(), suite.scale) + 0.5).floor().clamp(0, 255)
        pictures = {EASY: easy.to(torch.uint8)[0].permute(1, 2, 0).numpy()}
    else:
        pictures = {
            name: read_checked(path, suite.size, "the study") for name, path in outputs.items()
        }
    return {
        "image": item.stem if outputs is not None else f"{role}-{item.stem}",
        "role": role,
        "hr": _write(out, hr),
        "lr": _write(out, lr[0].permute(1, 2, 0).numpy()),
        "outputs": {name: _write(out, pixels) for name, pixels in pictures.items()},
    }


def _write(out: Path, pixels: "np.ndarray") -> str:
    """Encode without metadata, name by content; returns the file's name."""
    from PIL import Image

    from sr3.base.files import sha256_of_bytes, write_bytes

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    name = f"{sha256_of_bytes(buffer.getvalue())}.png"
    write_bytes(out / name, buffer.getvalue())
    return name


if __name__ == "__main__":
    run_command(main)
