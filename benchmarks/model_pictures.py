"""Draw what the shipped models do: the README's sheet of faces, their failures, photographs.

    python benchmarks/model_pictures.py faces failures
    python benchmarks/model_pictures.py natural --data PHOTOGRAPHS/show

Each picture has LR (pixels repeated), bicubic, the regression twin, samples of SR3 and HR. LR,
noise and defaults are those of `bench.run` at seed 0, so sample 1 is the picture the tables judge.
Which pictures are shown is fixed before any result is seen: `faces` takes 24 of the embedded test
faces evenly over sex, largest origin and age; `natural` the tiles named in SHOWN, cut by
photographs.py from photographs that no model was trained on. `failures` takes the 8 test faces
whose samples of SR3 are furthest from HR in the features of EfficientNet-Lite0, on average.
Weights of a training not yet shipped: --sr3 FILE --regression FILE.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from tqdm import tqdm

from baselines import protocol
from baselines.protocol import SystemOptions
from bench.comparison.attributes import Attributes, read_attributes, resolve
from bench.images.hr import Item, open_set
from bench.images.outputs import Job, run_system
from bench.images.pixels import make_lr, to_batch
from bench.images.reading import read_checked
from bench.reporting.sheet import enlarge, spread
from bench.suites.protocol import NamedSuite, load_suite
from sr3.base.commands import Parser
from sr3.base.errors import InputError, run_command
from sr3.base.files import write_bytes
from sr3.pictures.images import to_uint8
from sr3.searching.scores import FrechetLite

FACES, FAILURES, SAMPLES = 24, 8, 3
SHOWN = (
    "budgie-backgrounds_oakland-zoo-otters_1024_1_2",
    "palapeli-data_european-honey-bee_256_0_0",
    "budgie-backgrounds_roman-colosseum_512_1_1",
    "scikit-learn_flower_256_0_0",
    "budgie-backgrounds_singaporean-cityscape_1024_1_2",
    "budgie-backgrounds_oakland-zoo-otters_1024_2_3",
)
BATCH = 8
GAP, BLOCK_GAP, HEADING, FONT = 4, 24, 32, 22  # pixels
INK, PAPER = (30, 30, 30), (255, 255, 255)
QUALITY = 93  # of JPEG without colour subsampling: as PNG they take three times as much


@dataclass(frozen=True)
class Models:
    """The systems to draw and the suite that says how LR is made."""

    named: NamedSuite
    checkpoints: dict[str, Path | None]

    def make(self, system: str, items: Sequence[Item], sample: int = 0) -> np.ndarray:
        """Outputs of a system as `bench.run` makes them, (N, H, W, 3) uint8."""
        options = SystemOptions(
            self.named.suite.weights, self.named.suite.scale, self.checkpoints.get(system)
        )
        loaded = protocol.load(system, options)
        job = Job(loaded, self.named.suite, Path(), 0, BATCH, "cpu", sample=sample)
        batches = [items[i : i + BATCH] for i in range(0, len(items), BATCH)]
        shown = tqdm(batches, f"{system}, sample {sample + 1}", leave=False)
        made = [to_uint8(run_system(job, self.lr(batch), batch)) for batch in shown]
        return np.concatenate(made)

    def hr(self, items: Sequence[Item]) -> np.ndarray:
        """(N, H, W, 3) uint8."""
        return np.stack([read_checked(i.path, self.named.suite.size, "the suite") for i in items])

    def lr(self, items: Sequence[Item]) -> Tensor:
        """(N, 3, h, w) uint8."""
        return make_lr(to_batch(list(self.hr(items))), self.named.suite.scale)

    def columns(self, items: Sequence[Item], samples: int) -> dict[str, np.ndarray]:
        """What a sheet shows of the items, by heading."""
        lr = self.lr(items).permute(0, 2, 3, 1).numpy()
        names = ["SR3"] if samples == 1 else [f"SR3, {k + 1}" for k in range(samples)]
        return {
            "LR": np.stack([enlarge(p, self.named.suite.scale) for p in lr]),
            "bicubic": self.make("bicubic", items),
            "regression": self.make("regression", items),
            **{name: self.make("sr3", items, k) for k, name in enumerate(names)},
            "HR": self.hr(items),
        }


def draw(columns: dict[str, np.ndarray], blocks: int = 1) -> Image.Image:
    """A sheet with a heading over each column; the rows fill `blocks` side by side in turn.

    Args:
        columns: by heading, (N, H, W, 3) uint8.
    """
    count, height, width = next(iter(columns.values())).shape[:3]
    rows = -(-count // blocks)
    block = len(columns) * (width + GAP) - GAP
    size = (blocks * (block + BLOCK_GAP) - BLOCK_GAP, HEADING + rows * (height + GAP) - GAP)
    sheet = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT)
    for place, (name, pictures) in enumerate(columns.items()):
        for number in range(blocks):
            left = number * (block + BLOCK_GAP) + place * (width + GAP)
            pen.text((left + width / 2, HEADING / 2), name, INK, font, anchor="mm")
            for row, pixels in enumerate(pictures[number * rows : (number + 1) * rows]):
                sheet.paste(Image.fromarray(pixels), (left, HEADING + row * (height + GAP)))
    return sheet


def spread_faces(attributes: Attributes, count: int) -> list[str]:
    """Stems of `count` faces, evenly over (sex, largest origin, age)."""

    def order(stem: str) -> tuple[str, str, float, str]:
        face = attributes[stem]
        return face["sex"], max(face["race"], key=face["race"].get), face["age"], stem

    ordered = sorted(attributes, key=order)
    return [ordered[i] for i in spread(len(ordered), count)]


def worst(samples: Sequence[np.ndarray], hr: np.ndarray, count: int) -> list[int]:
    """Places of the pictures furthest from HR, worst first.

    Args:
        samples: K draws of (N, H, W, 3) uint8; the distance is the mean over them.
    """
    score = FrechetLite()
    wanted = score.features(hr)
    distances = [np.linalg.norm(score.features(sr) - wanted, axis=1) for sr in samples]
    return [int(i) for i in np.argsort(-np.mean(distances, axis=0), kind="stable")[:count]]


def faces(models: Models, items: Sequence[Item]) -> Image.Image:
    """The README's sheet."""
    by_stem = {item.stem: item for item in items}
    chosen = spread_faces(read_attributes(resolve("embedded")), FACES)
    return draw(models.columns([by_stem[stem] for stem in chosen], SAMPLES), blocks=2)


def failures(models: Models, items: Sequence[Item]) -> Image.Image:
    """The faces that SR3 does worst."""
    samples = [models.make("sr3", items, k) for k in range(SAMPLES)]
    chosen = [items[i] for i in worst(samples, models.hr(items), FAILURES)]
    print("furthest from HR:", ", ".join(item.stem for item in chosen))
    return draw(models.columns(chosen, SAMPLES), blocks=2)


def natural(models: Models, items: Sequence[Item]) -> Image.Image:
    """Photographs that no model was trained on."""
    by_stem = {item.stem: item for item in items}
    missing = [stem for stem in SHOWN if stem not in by_stem]
    if missing:
        raise InputError(f"found no {missing[0]} in --data: make it with benchmarks/photographs.py")
    return draw(models.columns([by_stem[stem] for stem in SHOWN], 1))


SHEETS = {"faces": faces, "failures": failures, "natural": natural}


def main(argv: list[str] | None = None) -> int:
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("sheets", nargs="+", choices=list(SHEETS), help="what to draw")
    parser.add_argument("--data", type=Path, help="256x256 photographs, for natural")
    parser.add_argument("--sr3", type=Path, help="weights instead of the shipped ones")
    parser.add_argument("--regression", type=Path, help="weights instead of the shipped ones")
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="for the pictures")
    args = parser.parse_args(argv)
    for name in args.sheets:
        if name == "natural" and args.data is None:
            raise InputError("found no --data, wanted the show/ folder of photographs.py")
        is_natural = name == "natural"
        named = load_suite("natural4x" if is_natural else "face8x")
        items = open_set(named, args.data if is_natural else None, environ={}).items
        models = Models(named, {"sr3": args.sr3, "regression": args.regression})
        write_jpeg(args.out / f"models-{name}.jpg", SHEETS[name](models, items))
    return 0


def write_jpeg(path: Path, picture: Image.Image) -> None:
    """Write a sheet for the documents and say how large it is."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    write_bytes(path, buffer.getvalue())
    print(f"{path}: {len(buffer.getvalue()) / 1e6:.2f} MB")


if __name__ == "__main__":
    run_command(main)
