"""Pictures of every kind that users have."""

import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from sr3.base.errors import InputError
from sr3.pictures import images, kinds


def png_16(path, values):
    """Write (h, w, 3 or 4) as a 16-bit PNG by hand, because Pillow cannot."""
    h, w, channels = values.shape

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    colour_type = {3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", w, h, 16, colour_type, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


def ramp(*shape):
    return (np.arange(np.prod(shape)) * 977 % 251).astype(np.uint8).reshape(shape)


def saved(tmp_path, image, name="a.png", **options):
    image.save(tmp_path / name, **options)
    return kinds.read_picture(tmp_path / name)


def test_rgb_is_what_the_rest_of_the_program_reads(tmp_path):
    pixels = ramp(4, 6, 3)
    picture = saved(tmp_path, Image.fromarray(pixels))
    assert torch.allclose(picture.rgb, images.from_uint8(pixels[None].copy())[0], atol=1e-6)
    assert picture.alpha is None
    assert not picture.gray
    assert np.array_equal(kinds.finish(picture, picture.rgb), pixels)


@pytest.mark.parametrize("mode", ["L", "1"])
def test_gray_stays_gray(tmp_path, mode):
    picture = saved(tmp_path, Image.fromarray(ramp(4, 6)).convert(mode))
    assert picture.gray
    assert picture.rgb.shape == (3, 4, 6)
    assert torch.equal(picture.rgb[0], picture.rgb[2])
    out = kinds.finish(picture, picture.rgb)
    assert out.shape == (4, 6)
    assert np.array_equal(out, np.asarray(images.open_image(tmp_path / "a.png").convert("L")))


@pytest.mark.parametrize(("mode", "channels"), [("RGBA", 4), ("LA", 2)])
def test_alpha_is_upsampled_apart(tmp_path, mode, channels):
    image = Image.fromarray(ramp(4, 6, 4), "RGBA").convert(mode)
    picture = saved(tmp_path, image)
    assert picture.alpha.shape == (1, 4, 6)
    out = kinds.finish(picture, torch.zeros(3, 8, 12))
    assert out.shape == (8, 12, channels)
    alpha = Image.fromarray(np.asarray(image)[:, :, -1])
    wanted = np.asarray(alpha.resize((12, 8), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(out[:, :, -1].astype(int) - wanted).max() <= 1
    images.write_png(tmp_path / "out.png", out)
    assert images.open_image(tmp_path / "out.png").mode == mode


def test_a_palette_becomes_colour(tmp_path):
    image = Image.fromarray(ramp(4, 6, 3)).quantize(8)
    picture = saved(tmp_path, image)
    wanted = np.asarray(image.convert("RGB"))
    assert np.array_equal(images.to_uint8(picture.rgb[None])[0], wanted)


def test_a_transparent_palette_keeps_its_alpha(tmp_path):
    image = Image.fromarray(ramp(4, 6, 3)).quantize(8)
    picture = saved(tmp_path, image, transparency=0)
    opaque = np.asarray(image) != 0
    assert np.array_equal(picture.alpha[0].numpy() > 0, opaque)


@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_colour_keeps_its_low_byte(tmp_path, channels):
    values = (np.arange(5 * 7 * channels) * 601 % 65536).reshape(5, 7, channels)
    png_16(tmp_path / "a.png", values)
    picture = kinds.read_picture(tmp_path / "a.png")
    read = torch.cat([picture.rgb, picture.alpha]) if channels == 4 else picture.rgb
    back = ((read.permute(1, 2, 0).double() + 1) / 2 * 65535).round().numpy()
    assert np.array_equal(back, values)


def test_16_bit_gray_keeps_its_low_byte(tmp_path):
    values = (np.arange(35) * 1801 % 65536).reshape(5, 7).astype(np.uint16)
    picture = saved(tmp_path, Image.fromarray(values))
    assert picture.gray
    assert np.array_equal(((picture.rgb[0].double() + 1) / 2 * 65535).round().numpy(), values)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_and_its_size_foreseen(tmp_path, orientation):
    image = Image.fromarray(ramp(4, 6, 3))
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = saved(tmp_path, image, exif=exif)
    turned = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}.get(orientation)
    wanted = image if turned is None else image.transpose(Image.Transpose(turned))
    assert np.array_equal(images.to_uint8(picture.rgb[None])[0], np.asarray(wanted))
    assert kinds.upright_size(tmp_path / "a.png") == (wanted.height, wanted.width)


def test_luma_of_a_consistent_picture_is_consistent(tmp_path):
    from sr3.pictures.resize import downsample

    sr = torch.rand(1, 3, 16, 16, generator=torch.manual_seed(0))
    luma = torch.tensor(kinds.LUMA)
    assert float(luma.sum()) == pytest.approx(1)
    a = torch.einsum("bchw,c->bhw", downsample(sr, 4), luma)
    b = downsample(torch.einsum("bchw,c->bhw", sr, luma)[:, None], 4)[:, 0]
    assert torch.allclose(a, b, atol=1e-6)


def test_what_cannot_be_read_is_named(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(InputError, match=r"text\.png"):
        kinds.read_picture(tmp_path / "text.png")
    with pytest.raises(InputError, match=r"text\.png"):
        kinds.upright_size(tmp_path / "text.png")
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "a.tiff")
    with pytest.raises(InputError, match="range is unknown"):
        kinds.read_picture(tmp_path / "a.tiff")
    Image.fromarray(np.full((4, 4), 70000, np.int32)).save(tmp_path / "b.tiff")
    with pytest.raises(InputError, match=r"outside 0\.\.65535"):
        kinds.read_picture(tmp_path / "b.tiff")
