"""Training shards: squares of one size in uncompressed tars, each with an index and its hash.

WebDataset's layout. What decides the bytes is noted in the folder, so the same command goes on
where it stopped, and another is refused.
"""

import io
import json
import tarfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from tqdm import tqdm

from sr3.base.errors import InputError, StorageFullError
from sr3.base.files import sha256_of_file, write_text
from sr3.data import sources
from sr3.pictures import images
from sr3.pictures.resize import area_resize

CONVERTED = ("L", "P", "LA", "RGBA", "CMYK", "1")
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Settings:
    """What decides the bytes of the shards."""

    side: int
    per_shard: int = 1000
    picture_format: str = "png"
    quality: int = 95


@dataclass(frozen=True)
class Shard:
    """One finished tar: its name, how many pictures, its hash, and what was left out and why."""

    name: str
    pictures: int
    sha256: str
    small: list[str]
    bad: dict[str, str]


def squared(image: Image.Image, side: int) -> Image.Image | None:
    """Largest centre square, reduced by area to `side`; None when the picture is smaller."""
    upright = ImageOps.exif_transpose(image)
    edge = min(upright.size)
    if edge < side:
        return None
    left, top = (upright.width - edge) // 2, (upright.height - edge) // 2
    rgb = upright.convert("RGB") if upright.mode in CONVERTED else upright
    if rgb.mode != "RGB":
        raise InputError(f"found mode {image.mode}, wanted 8-bit RGB, gray, palette or CMYK")
    cut = rgb.crop((left, top, left + edge, top + edge))
    if edge == side:
        return cut
    return Image.fromarray(area_resize(np.asarray(cut), (side, side)))


def encode(image: Image.Image, settings: Settings) -> bytes:
    """The picture as a file without metadata."""
    buffer = io.BytesIO()
    if settings.picture_format == "png":
        Image.frombytes("RGB", image.size, image.tobytes()).save(buffer, "PNG")
    else:
        image.save(buffer, "JPEG", quality=settings.quality, subsampling=0)
    return buffer.getvalue()


def write_shard(out: Path, settings: Settings, source_path: Path, number: int) -> Shard:
    """Write tar `number` with its index, aside and renamed; one with a record is left alone."""
    record = out / f".shard-{number:06d}.json"
    if record.exists():
        return Shard(**json.loads(record.read_text()))
    source = sources.open_source(source_path)
    first = number * settings.per_shard
    tar = out / f"shard-{number:06d}.tar"
    aside = out / f".{tar.name}.tmp"
    small: list[str] = []
    bad: dict[str, str] = {}
    count = 0
    try:
        with tarfile.open(aside, "w", format=tarfile.USTAR_FORMAT) as opened:
            for index in range(first, min(first + settings.per_shard, len(source.keys))):
                data = _picture(source, index, settings, small, bad)
                if data is not None:
                    member = tarfile.TarInfo(_member_name(source.keys[index], index, settings))
                    member.size = len(data)
                    opened.addfile(member, io.BytesIO(data))
                    count += 1
        aside.replace(tar)
        sources.write_index(tar, sources.scan(tar))
    except OSError as error:
        raise StorageFullError(f"could not write {tar} ({error}): free space") from error
    finally:
        aside.unlink(missing_ok=True)
    made = Shard(tar.name, count, sha256_of_file(tar), small, bad)
    write_text(record, json.dumps(asdict(made)))
    return made


def _member_name(key: str, index: int, settings: Settings) -> str:
    """`<index>-<stem>`: unique, and the stem keeps held-out pictures the same; no second dot."""
    stem = key.rpartition("/")[2].replace(".", "_")[:60]
    return f"{index:08d}/{stem}.{'png' if settings.picture_format == 'png' else 'jpg'}"


def _picture(
    source: sources.Source, index: int, settings: Settings, small: list[str], bad: dict[str, str]
) -> bytes | None:
    key = source.keys[index]
    try:
        cut = squared(images.open_image(*source.place(index)), settings.side)
    except InputError as error:
        bad[key] = str(error)
        return None
    if cut is None:
        small.append(key)
        return None
    return encode(cut, settings)


def make(
    source_path: Path, out: Path, settings: Settings, workers: int, skip_bad: bool
) -> list[Shard]:
    """All shards of a source, in order, with progress.

    Raises:
        InputError: unreadable pictures without `skip_bad`, other settings than the folder's.
    """
    source = sources.open_source(source_path)
    total = -(-len(source.keys) // settings.per_shard)
    _claim(out, settings)
    done: list[Shard] = []
    with tqdm(total=len(source.keys), unit="picture") as bar:
        for shard in _shards(partial(write_shard, out, settings, source_path), total, workers):
            if shard.bad and not skip_bad:
                name, reason = next(iter(shard.bad.items()))
                raise InputError(
                    f"found {len(shard.bad)} unusable pictures in {shard.name}, such as {name}: "
                    f"{reason}; remove them or add --skip-bad"
                )
            done.append(shard)
            bar.update(shard.pictures + len(shard.small) + len(shard.bad))
    manifest = {"settings": asdict(settings), "shards": [asdict(s) for s in done]}
    write_text(out / MANIFEST, json.dumps(manifest, indent=1) + "\n")
    return done


def _shards(write: "partial[Shard]", total: int, workers: int) -> Iterator[Shard]:
    if workers < 2:
        yield from map(write, range(total))
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(write, range(total))


def _claim(out: Path, settings: Settings) -> None:
    """Note the settings in the folder, or refuse a folder made with others."""
    note = out / ".settings.json"
    wanted = asdict(settings)
    if note.exists() and json.loads(note.read_text()) != wanted:
        raise InputError(f"found shards with other settings in {out}: choose another --out")
    write_text(note, json.dumps(wanted))


def verify(out: Path) -> int:
    """Number of shards whose bytes agree with the manifest; InputError names one that does not."""
    path = out / MANIFEST
    if not path.is_file():
        raise InputError(
            f"found no {MANIFEST} in {out}: run `python -m sr3.shard` to its end first"
        )
    shards = [Shard(**s) for s in json.loads(path.read_text())["shards"]]
    for shard in tqdm(shards, unit="shard"):
        tar = out / shard.name
        if not tar.is_file() or sha256_of_file(tar) != shard.sha256:
            raise InputError(f"found {tar} missing or changed: remove its record and make it again")
    return len(shards)


def summary(done: list[Shard]) -> str:
    """What was left out and why, a line each, and the counts."""
    kept, small = sum(s.pictures for s in done), sum(len(s.small) for s in done)
    bad = {name: reason for s in done for name, reason in s.bad.items()}
    lines = [f"left out {name}: {reason}" for name, reason in bad.items()]
    counts = f"{kept} pictures in {len(done)} shards"
    return "\n".join([*lines, f"{counts}; {small} too small, {len(bad)} unusable left out"])
