"""A good set, corrupted in many ways: each is caught, named and blamed on its culprit, once."""

import io
import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFilter

from bench.doctor.examination import check_folder
from bench.images.hr import open_set
from bench.suites.protocol import load_suite

N = 16
CULPRIT = 5  # the picture that goes wrong where only one does
BICUBIC = Image.Resampling.BICUBIC


def read(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.copy()


def enlarged(hr: Image.Image, how=BICUBIC) -> Image.Image:
    return hr.resize((16, 16), BICUBIC).resize((128, 128), how)


@pytest.fixture(scope="session")
def named():
    return load_suite("face8x")


@pytest.fixture(scope="session")
def images(named):
    return open_set(named, limit=N, environ={})


@pytest.fixture(scope="session")
def good(images, tmp_path_factory) -> Path:
    """Outputs of a system that is half way between bicubic and perfect."""
    folder = tmp_path_factory.mktemp("good")
    for item in images.items:
        hr = read(item.path)
        Image.blend(enlarged(hr), hr, 0.5).save(folder / f"{item.stem}.png")
    return folder


@pytest.fixture
def outputs(good, tmp_path) -> Path:
    """A copy of the good set to spoil."""
    return Path(shutil.copytree(good, tmp_path / "outputs"))


def files_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.png"))


def spoil(change, only=None):
    """A corruption that replaces pictures by `change(picture, hr)`, all of them or one."""

    def corrupt(folder, images):
        for number, (path, item) in enumerate(zip(files_of(folder), images.items, strict=True)):
            if only is None or number == only:
                change(read(path), read(item.path)).save(path)

    return corrupt


def levels(change):
    """A picture whose levels in [0, 1] are changed pointwise."""

    def apply(picture, hr):
        unit = change(np.asarray(picture) / 255)
        return Image.fromarray((np.clip(unit, 0, 1) * 255 + 0.5).astype(np.uint8))

    return apply


def moved(right: float, down: float):
    """A picture displaced by a part of a pixel or more, its edge repeated."""

    def apply(picture, hr):
        grid = (1, 0, -right, 0, 1, -down)
        padded = Image.fromarray(np.pad(np.asarray(picture), ((8, 8), (8, 8), (0, 0)), "edge"))
        turned = padded.transform(padded.size, Image.Transform.AFFINE, grid, BICUBIC)
        return turned.crop((8, 8, 136, 136))

    return apply


def in_bgr(picture, hr):
    return Image.fromarray(np.asarray(picture)[..., ::-1].copy())


def in_gray(picture, hr):
    return picture.convert("L").convert("RGB")


def mirrored(picture, hr):
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def a_column_short(picture, hr):
    return picture.crop((0, 0, 127, 128))


def noise(picture, hr):
    seed = np.random.default_rng(np.asarray(picture).sum())
    return Image.fromarray(seed.integers(0, 256, (128, 128, 3), dtype=np.uint8))


def blurred(picture, hr):
    return picture.filter(ImageFilter.GaussianBlur(2))


def moved_and_blurred(picture, hr):
    return blurred(moved(1, 0)(picture, hr), hr)


def saturated(share):
    def apply(picture, hr):
        return Image.blend(in_gray(picture, hr), picture, share)

    return apply


def in_ycbcr(picture, hr):
    return Image.fromarray(np.asarray(picture.convert("YCbCr")))


def limited(unit):
    return unit * 219 / 255 + 16 / 255


def cropped(left, top, right, lower):
    def apply(picture, hr):
        box = (left, top, 128 - right, 128 - lower)
        return picture.crop(box).resize((128, 128), BICUBIC)

    return apply


def through_jpeg(picture, hr):
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=60)
    return Image.open(buffer).copy()


def remove_one(folder, images):
    files_of(folder)[CULPRIT].unlink()


def add_one(folder, images):
    shutil.copy(files_of(folder)[0], folder / "thumbs.png")


def same_stem_twice(folder, images):
    path = files_of(folder)[CULPRIT]
    read(path).save(path.with_suffix(".bmp"))


def rename_all(folder, images):
    for path in files_of(folder):
        path.rename(folder / f"{path.stem}_SRx8.png")


def swap_two(folder, images):
    first, second = files_of(folder)[CULPRIT : CULPRIT + 2]
    held = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(held)


def off_by_one(folder, images):
    paths = files_of(folder)
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(paths, [*contents[1:], contents[0]], strict=True):
        path.write_bytes(content)


def copy_over(folder, images):
    paths = files_of(folder)
    paths[CULPRIT].write_bytes(paths[CULPRIT + 1].read_bytes())


def jpeg_in_png(folder, images):
    path = files_of(folder)[CULPRIT]
    read(path).save(path, "JPEG", quality=95)


def jpeg_files(quality):
    def corrupt(folder, images):
        for path in files_of(folder):
            read(path).save(path.with_suffix(".jpg"), quality=quality)
            path.unlink()

    return corrupt


def every_second_in_bgr(folder, images):
    for path in files_of(folder)[::2]:
        in_bgr(read(path), None).save(path)


def of_other_people(folder, images):
    faces = sorted(images.root.glob("*.png"))[-N:]
    for path, face in zip(files_of(folder), faces, strict=True):
        shutil.copy(face, path)


def cut_short(folder, images):
    path = files_of(folder)[CULPRIT]
    path.write_bytes(path.read_bytes()[:2000])


def text_file(folder, images):
    files_of(folder)[CULPRIT].write_text("404: not found")


def empty_file(folder, images):
    files_of(folder)[CULPRIT].write_bytes(b"")


def sixteen_bit(folder, images):
    """48-bit RGB, written by hand: Pillow cannot, and reads it as if it had 24 bits."""
    path = files_of(folder)[CULPRIT]
    wide = (np.asarray(read(path)).astype(np.uint16) * 257).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    header = b"".join(n.to_bytes(4, "big") for n in (128, 128)) + bytes([16, 2, 0, 0, 0])
    blocks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        for kind, data in blocks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def foreign_profile(folder, images):
    path = files_of(folder)[CULPRIT]
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    read(path).save(path, icc_profile=profile)


def turned_by_exif(folder, images):
    path = files_of(folder)[CULPRIT]
    picture = read(path)
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)


# name: corruption, check that must name it, a word of its message, whether one picture is blamed
CORRUPTIONS = {
    "one missing": (remove_one, "pairing", "1 missing", True),
    "one too many": (add_one, "pairing", "1 extra", False),
    "same stem twice": (same_stem_twice, "pairing", "2 double", False),
    "all renamed": (rename_all, "pairing", "STEM_SRx8", False),
    "swapped pair": (swap_two, "mispaired", "2 outputs", True),
    "order off by one": (off_by_one, "mispaired", "+1 in the order", False),
    "copied over another": (copy_over, "twins", "share their pixels", True),
    "JPEG inside .png": (jpeg_in_png, "format", "JPEG inside .png", True),
    "JPEG files": (jpeg_files(95), "format", "lossy", False),
    "poor JPEG files": (jpeg_files(40), "format", "lossy", False),
    "JPEG saved again as PNG": (spoil(through_jpeg), "blocks", "8x8", False),
    "cut short": (cut_short, "decode", "1 files", True),
    "text file": (text_file, "decode", "no picture", True),
    "empty file": (empty_file, "decode", "1 files", True),
    "16 bits": (sixteen_bit, "mode", "16-bit", True),
    "alpha": (spoil(lambda p, hr: p.convert("RGBA")), "mode", "opaque alpha", True),
    "palette": (spoil(lambda p, hr: p.quantize(64), CULPRIT), "mode", "palette", True),
    "gray mode": (spoil(lambda p, hr: p.convert("L"), CULPRIT), "mode", "gray", True),
    "all in gray mode": (spoil(lambda p, hr: p.convert("L")), "mode", "16 gray", True),
    "gray content": (spoil(in_gray), "content", "16 gray", True),
    "one gray": (spoil(in_gray, CULPRIT), "content", "1 gray", True),
    "blank": (spoil(lambda p, hr: Image.new("RGB", p.size), CULPRIT), "content", "1 blank", True),
    "all blank": (spoil(lambda p, hr: Image.new("RGB", p.size)), "content", "16 blank", True),
    "colour profile": (foreign_profile, "metadata", "colour profile", True),
    "EXIF rotation": (turned_by_exif, "metadata", "EXIF", True),
    "half size": (spoil(lambda p, hr: p.resize((64, 64))), "size", "64x64", True),
    "one of another size": (spoil(a_column_short, CULPRIT), "size", "127x128", True),
    "BGR": (spoil(in_bgr), "channels", "BGR", True),
    "half in BGR": (every_second_in_bgr, "channels", "8 BGR", False),
    "YCbCr": (spoil(in_ycbcr), "tone", "gain R G B", False),
    "one in BGR": (spoil(in_bgr, CULPRIT), "channels", "1 BGR", True),
    "mirrored": (spoil(mirrored), "flips", "mirrored", True),
    "all turned": (spoil(lambda p, hr: p.rotate(90)), "flips", "16 turned", True),
    "transposed": (spoil(lambda p, hr: p.transpose(5)), "flips", "mirrored and turned", True),
    "one turned": (spoil(lambda p, hr: p.rotate(90), CULPRIT), "flips", "turned", True),
    "gamma": (spoil(levels(lambda x: x**1.1)), "tone", "gamma of 1.1", False),
    "strong gamma": (spoil(levels(lambda x: x ** (1 / 2.2))), "tone", "gamma of 0.4", False),
    "gamma and gain": (spoil(levels(lambda x: 0.9 * x**1.2 + 0.05)), "tone", "colour", False),
    "more contrast": (spoil(levels(lambda x: 1.4 * x - 0.2)), "tone", "gain R G B", False),
    "clipped": (spoil(levels(lambda x: 1.5 * x)), "tone", "gain R G B", False),
    "half the colour": (spoil(saturated(0.5)), "tone", "colour", False),
    "more colour": (spoil(saturated(1.6)), "tone", "colour", False),
    "limited range": (spoil(levels(limited)), "tone", "limited range", False),
    "brighter": (spoil(levels(lambda x: x + 0.08)), "tone", "offset", False),
    "colour cast": (spoil(levels(lambda x: x * [1.15, 1, 0.85])), "tone", "gain R G B", False),
    "one brighter": (spoil(levels(lambda x: x + 0.15), CULPRIT), "tone", "1 outputs", True),
    "inverted": (spoil(levels(lambda x: 1 - x)), "tone", "inverted", False),
    "shifted by one": (spoil(moved(1, 0)), "shift", "px right", False),
    "shifted by four": (spoil(moved(4, -3)), "shift", "px right", False),
    "shifted and blurred": (spoil(moved_and_blurred), "shift", "px right", False),
    "half-pixel shift": (spoil(moved(0.5, 0.5)), "shift", "half-pixel", False),
    "one shifted": (spoil(moved(0, 2), CULPRIT), "shift", "1 outputs displaced", True),
    "border cropped": (spoil(cropped(2, 2, 2, 2)), "zoom", "wrong scale", False),
    "wide border cropped": (spoil(cropped(8, 8, 8, 8)), "zoom", "wrong scale", False),
    "corner cropped": (spoil(cropped(4, 4, 0, 0)), "zoom", "wrong scale", False),
    "bicubic copied": (spoil(lambda p, hr: enlarged(hr)), "copies", "16 of bicubic", True),
    "nearest copied": (spoil(lambda p, hr: enlarged(hr, 0)), "copies", "16 of nearest", True),
    "one bicubic": (spoil(lambda p, hr: enlarged(hr), CULPRIT), "copies", "1 of bicubic", True),
    "HR copied": (spoil(lambda p, hr: hr), "copies", "16 of the HR", True),
    "one HR": (spoil(lambda p, hr: hr, CULPRIT), "copies", "1 of the HR", True),
    "noise": (spoil(noise), "match", "resemble", True),
    "one of noise": (spoil(noise, CULPRIT), "match", "1 outputs", True),
    "other people": (of_other_people, "match", "resemble", True),
}

WARNINGS = (
    "JPEG files",
    "poor JPEG files",
    "JPEG saved again as PNG",
    "one too many",
    "colour profile",
    "EXIF rotation",
    "gamma",
    "half the colour",
    "more colour",
)


def test_the_good_set_is_clean(good, named, images):
    report = check_folder(good, named, images)
    assert report.severity == "ok", report.lines()
    assert report.exit_code == 0
    assert report.n == N


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_corruption_is_caught_and_named_once(name, outputs, named, images):
    corrupt, check, words, blamed = CORRUPTIONS[name]
    corrupt(outputs, images)
    report = check_folder(outputs, named, images)
    (finding,) = report.of("error") + report.of("warning")
    assert finding.check == check
    assert finding.severity == ("warning" if name in WARNINGS else "error"), report.lines()
    assert words in finding.message
    assert report.exit_code in (1, 3)
    if blamed:
        culprit = images.items[CULPRIT].stem
        assert any(Path(offender).stem == culprit for offender in finding.offenders)


def test_blur_is_a_property_of_a_system_and_no_fault_of_a_folder(outputs, named, images):
    spoil(blurred)(outputs, images)
    assert check_folder(outputs, named, images).severity == "ok"


def test_two_causes_in_different_pictures_are_two_findings(outputs, named, images):
    spoil(in_bgr, CULPRIT)(outputs, images)
    spoil(moved(0, 2), CULPRIT + 1)(outputs, images)
    spoil(in_gray, CULPRIT + 2)(outputs, images)
    report = check_folder(outputs, named, images)
    blamed = {f.check: f.offenders for f in report.of("error") + report.of("warning")}
    stems = [item.stem for item in images.items]
    assert blamed == {
        "channels": (stems[CULPRIT],),
        "shift": (stems[CULPRIT + 1],),
        "content": (stems[CULPRIT + 2],),
    }
