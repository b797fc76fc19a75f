"""Checks on files before any pixel is compared: pairing, decoding, format, mode, size."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from bench.doctor.report import Finding, Severity
from bench.images.reading import GRAY_MODES
from sr3.base.errors import InputError
from sr3.pictures.images import SUFFIXES, open_image

FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
LOSSY = ("JPEG", "WEBP")
GRAY = ("1", "L", "LA")  # modes
ORIENTATION = 0x0112  # EXIF tag
BITS_PER_SAMPLE = 258  # TIFF tag
PNG_DEPTH = 24  # offset of the bit depth in a PNG file
SRGB_GAMMA = 1 / 2.2


@dataclass(frozen=True)
class FileFacts:
    """One file as it is stored; `pixels` (H, W, 3) uint8 only where it can be judged.

    Attributes:
        problem: why it cannot be decoded, or "".
        unusual: colour profile, gamma chunk or EXIF rotation, in words.
        opaque: whether an alpha channel is 255 throughout.
    """

    path: Path
    problem: str = ""
    format: str = ""
    mode: str = ""
    bits: int = 8
    size: tuple[int, int] = (0, 0)
    unusual: tuple[str, ...] = ()
    opaque: bool = True
    pixels: NDArray[np.uint8] | None = None

    @property
    def is_gray(self) -> bool:
        """Whether it is an 8-bit file without colour."""
        return self.mode in GRAY_MODES and self.bits == 8

    @property
    def stem(self) -> str:
        """The name that pairs it."""
        return self.path.stem


def examine(path: Path, size: tuple[int, int]) -> FileFacts:
    """Decode one file and note what is unusual about it.

    Args:
        size: (height, width) that makes the pixels comparable.
    """
    try:
        image = open_image(path)
    except InputError as error:
        return FileFacts(path, problem=str(error))
    upright = ImageOps.exif_transpose(image)
    facts = FileFacts(
        path,
        format=image.format or "",
        mode=image.mode,
        bits=_bits(path, image),
        size=(upright.height, upright.width),
        unusual=tuple(_unusual(image)),
        opaque=_opaque(image),
    )
    if facts.size != size or facts.bits != 8:
        return facts
    return FileFacts(**{**facts.__dict__, "pixels": _rgb(upright)})


def list_stems(folder: Path) -> dict[str, list[Path]]:
    """Picture files of a folder by stem.

    Raises:
        InputError: no folder, or no picture in it.
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"found no readable folder at {folder} ({error.strerror})") from error
    found: dict[str, list[Path]] = {}
    for path in entries:
        if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
            found.setdefault(path.stem, []).append(path)
    if not found:
        raise InputError(
            f"found 0 images in {folder}, wanted files ending in {', '.join(SUFFIXES)}"
        )
    return found


def check_pairing(wanted: Sequence[str], found: dict[str, list[Path]]) -> Finding:
    """Every HR stem once, and nothing else: images are paired by stem, never by order."""
    missing = [stem for stem in wanted if stem not in found]
    extra = [paths[0].name for stem, paths in found.items() if stem not in set(wanted)]
    double = [path.name for paths in found.values() if len(paths) > 1 for path in paths]
    numbers = {"missing": len(missing), "extra": len(extra), "double": len(double)}
    if not (missing or extra or double):
        return Finding("pairing", "ok", f"{len(wanted)} of {len(wanted)} stems", numbers=numbers)
    parts = [f"{count} {what}" for what, count in numbers.items() if count]
    message = f"found {', '.join(parts)} by stem, wanted each of {len(wanted)} stems once"
    hint = _rename_hint(wanted, found)
    severity: Severity = "error" if missing or double else "warning"
    return Finding("pairing", severity, message + hint, tuple(missing + double + extra), numbers)


def check_decoding(files: Sequence[FileFacts]) -> Finding:
    """Every file decodes to its end."""
    bad = [f for f in files if f.problem]
    if not bad:
        return Finding("decode", "ok", f"{len(files)} files decode")
    names = tuple(f.path.name for f in bad)
    return Finding(
        "decode", "error", f"found {len(bad)} files that do not decode: {bad[0].problem}", names
    )


def check_format(files: Sequence[FileFacts]) -> Finding:
    """The format by magic bytes is that of the suffix, and lossless."""
    decoded = [f for f in files if not f.problem]
    lying = [f for f in decoded if FORMATS.get(f.path.suffix.lower()) != f.format]
    lossy = [f for f in decoded if f.format in LOSSY]
    formats = ", ".join(
        f"{count} {name}" for name, count in Counter(f.format for f in decoded).items()
    )
    if hidden := [f for f in lying if f.format in LOSSY]:
        message = (
            f"found {hidden[0].format} inside {hidden[0].path.suffix} ({len(hidden)} files): "
            "save the outputs losslessly"
        )
        return Finding("format", "error", message, tuple(f.path.name for f in hidden))
    if lossy:
        message = f"found {len(lossy)} files of a lossy format, wanted PNG: metrics see its traces"
        return Finding("format", "warning", message, tuple(f.path.name for f in lossy))
    if lying:
        message = f"found {len(lying)} files whose suffix is not their format ({formats})"
        return Finding("format", "warning", message, tuple(f.path.name for f in lying))
    return Finding("format", "ok", formats)


def check_mode(files: Sequence[FileFacts]) -> Finding:
    """8-bit RGB, nothing that a reader would convert silently."""
    decoded = [f for f in files if not f.problem]
    bad = [f for f in decoded if f.mode != "RGB" or f.bits != 8]
    if not bad:
        return Finding("mode", "ok", "8-bit RGB")
    kinds = Counter(_kind(f) for f in bad)
    found = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    message = f"found {found}, wanted 8-bit RGB: convert them knowingly"
    return Finding("mode", "error", message, tuple(f.path.name for f in bad))


def check_metadata(files: Sequence[FileFacts]) -> Finding:
    """No colour profile, gamma chunk or EXIF rotation, which readers treat differently."""
    odd = [f for f in files if f.unusual]
    if not odd:
        return Finding("metadata", "ok", "no profile, gamma or rotation")
    kinds = Counter(kind for f in odd for kind in f.unusual)
    found = ", ".join(f"{kind} in {count}" for kind, count in kinds.items())
    message = f"found {found} files: the harness turns pictures upright and reads levels as sRGB"
    return Finding("metadata", "warning", message, tuple(f.path.name for f in odd))


def check_size(files: Sequence[tuple[FileFacts, tuple[int, int]]]) -> Finding:
    """The size of HR, never resized silently."""
    decoded = [(f, wanted) for f, wanted in files if not f.problem]
    sizes = {wanted for _, wanted in decoded}
    shown = "that of its HR" if len(sizes) > 1 else "".join(f"{w}x{h}" for h, w in sizes)
    bad = [f for f, wanted in decoded if f.size != wanted]
    if not bad:
        return Finding("size", "ok", shown)
    counts = Counter(f"{f.size[1]}x{f.size[0]}" for f in bad)
    found = ", ".join(f"{count} of {text}" for text, count in counts.most_common(3))
    message = f"found {found}, wanted {shown}: make the outputs again, do not resize them"
    return Finding("size", "error", message, tuple(f.path.name for f in bad))


def _rename_hint(wanted: Sequence[str], found: Collection[str]) -> str:
    """Names the suffix or prefix that all files carry, where one explains the mismatch."""
    names = set(found)
    for name in sorted(name for name in names if wanted[0] in name and name != wanted[0]):
        head, _, tail = name.partition(wanted[0])
        if all(f"{head}{stem}{tail}" in names for stem in wanted):
            return f"; every name is {head}STEM{tail}: rename the files"
    return ""


def _kind(facts: FileFacts) -> str:
    if facts.bits != 8:
        return f"{facts.bits}-bit"
    if facts.mode in ("RGBA", "LA", "PA"):
        return f"{facts.mode} ({'opaque' if facts.opaque else 'transparent'} alpha)"
    return {"P": "palette", "L": "gray", "1": "1-bit", "CMYK": "CMYK"}.get(facts.mode, facts.mode)


def _bits(path: Path, image: Image.Image) -> int:
    """Bits per sample as stored: Pillow cuts 48-bit RGB down to 24 without a word."""
    if image.format == "PNG":
        with path.open("rb") as stream:
            depth = stream.read(PNG_DEPTH + 1)[PNG_DEPTH]
        return 16 if depth == 16 else 8
    if image.format == "TIFF":
        return int(max(image.tag_v2.get(BITS_PER_SAMPLE, (8,))))  # type: ignore[attr-defined]
    return 16 if image.mode.startswith("I") else 8


def _unusual(image: Image.Image) -> list[str]:
    found = []
    if profile := image.info.get("icc_profile"):
        found += [] if b"sRGB" in profile else ["a colour profile"]
    gamma = image.info.get("gamma")
    if gamma is not None and abs(gamma - SRGB_GAMMA) > 0.01:
        found.append(f"a gamma chunk ({gamma:.3f})")
    if image.getexif().get(ORIENTATION, 1) != 1:
        found.append("EXIF rotation")
    return found


def _opaque(image: Image.Image) -> bool:
    if "A" not in image.getbands():
        return "transparency" not in image.info
    low, _ = image.getchannel("A").getextrema()
    return bool(low == 255)


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image.convert("RGB"))
