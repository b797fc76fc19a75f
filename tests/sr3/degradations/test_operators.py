"""Degradations as operators: adjoints, inverses, projections, and other programs' results."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from sr3.base.errors import InputError
from sr3.base.rng import generator_of
from sr3.degradations import protocol
from sr3.degradations.kinds.operator import Operator
from sr3.degradations.protocol import choose
from sr3.pictures import images
from sr3.pictures.resize import resize

NAMES = protocol.names()
LINEAR = [name for name in NAMES if choose(name, 4).degradation.linear]
SIZE = (16, 24)


def generators(count, *key):
    return [generator_of(*key, i) for i in range(count)]


def drawn(name, count=3, size=SIZE, scale=4):
    return choose(name, scale).draw(size, generators(count, name))


def pictures(count=3, side=32):
    """(count, 3, side, side) uint8, smooth."""
    coarse = torch.rand(count, 3, 6, 6, generator=torch.manual_seed(1), dtype=torch.float64)
    return (resize(coarse, (side, side)).clamp(0, 1) * 255).round().to(torch.uint8)


def noise(*shape):
    return torch.rand(*shape, generator=torch.manual_seed(3), dtype=torch.float64) * 2 - 1


def test_the_degradations_that_ship():
    wanted = {
        "bicubic", "box", "matlab_bicubic", "gaussian_blur", "motion_blur", "noise", "jpeg",
        "grayscale", "center_mask", "free_form_mask", "second_order",
    }  # fmt: skip
    assert set(NAMES) == wanted
    assert set(LINEAR) == wanted - {"noise", "jpeg", "second_order"}


@pytest.mark.parametrize("name", LINEAR)
def test_a_linear_degradation_has_an_adjoint_and_a_pseudo_inverse(name):
    a, x = drawn(name), noise(3, 3, *SIZE)
    y = a(x)
    z = noise(*y.shape)
    torch.testing.assert_close((y * z).sum(), (x * a.adjoint(z, SIZE)).sum())
    by_differentiation = Operator.adjoint(a, z, SIZE)
    torch.testing.assert_close(a.adjoint(z, SIZE), by_differentiation)
    inverse = a.inverse(y, SIZE)
    assert float((a(inverse) - y).abs().max()) < 1e-5  # A A+ A = A
    again = a.inverse(a(inverse), SIZE)
    assert float((again - inverse).abs().max()) < 1e-5  # A+ A A+ = A+


@pytest.mark.parametrize("name", LINEAR)
def test_a_projected_picture_agrees_to_the_rounding_floor(name):
    hr = pictures()
    a = drawn(name, size=(32, 32))
    degraded = a.levels(hr).float() / 127.5 - 1
    start = noise(3, 3, 32, 32).float() * 0.2 + images.from_uint8(hr.permute(0, 2, 3, 1).numpy())
    made = a.onto(degraded, (32, 32)).within_range(start.clamp(-1, 1), rounds=16)
    colours = degraded[:, : degraded.shape[1] - (0 if a.told is None else 1)]
    floor = 1 / 255**2 / 12  # MSE on [0, 1] of rounding to 8 bits
    if a.told is not None:
        colours = torch.where(a.told > 0, colours, 0.0)  # what a hole holds is nobody's business
    assert float(((a(made) - colours) / 2).square().mean()) < 1.5 * floor


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_degraded_alike_alone_and_in_any_batch(name):
    hr, chosen = noise(4, 3, 32, 32).float(), choose(name, 4)
    together = chosen.draw((32, 32), generators(4, "keyed")).degraded(hr)
    alone = chosen.draw((32, 32), generators(4, "keyed")[2:3]).degraded(hr[2:3])
    torch.testing.assert_close(together[2:3], alone, rtol=0, atol=1e-5)
    channels, side = chosen.degradation.channels, 8 if chosen.degradation.resizes else 32
    assert together.shape == (4, channels, side, side)
    assert chosen.condition(together).shape == (4, channels, 32, 32)


@pytest.mark.parametrize("name", NAMES)
def test_an_operator_gives_the_same_twice(name):
    hr, a = noise(2, 3, 32, 32).float(), drawn(name, 2, (32, 32))
    assert torch.equal(a.degraded(hr), a.degraded(hr))
    eight_bit = pictures(2)
    assert a.levels(eight_bit).dtype == torch.uint8
    assert torch.equal(a.levels(eight_bit), a.levels(eight_bit))


def test_gaussian_blur_is_scipys():
    hr = noise(1, 3, 32, 40)
    made = choose("gaussian_blur:sigma=1.7").draw((32, 40), generators(1))(hr)
    wanted = gaussian_filter(hr.numpy(), (0, 0, 1.7, 1.7), mode="reflect", radius=(0, 0, 7, 7))
    torch.testing.assert_close(made, torch.from_numpy(wanted))


def test_motion_blur_of_one_direction_is_a_running_mean():
    hr = noise(1, 3, 16, 32)
    made = choose("motion_blur:length=5,angle=0").draw((16, 32), generators(1))(hr)
    inner = sum(hr.roll(k, -1) for k in range(-2, 3)) - (hr.roll(2, -1) + hr.roll(-2, -1)) / 8
    wanted = (inner + (hr.roll(3, -1) + hr.roll(-3, -1)) / 8) / 5  # its ends lie between pixels
    torch.testing.assert_close(made, wanted, rtol=0, atol=1e-3)
    turned = choose("motion_blur:length=5,angle=90").draw((32, 16), generators(1))(hr.mT)
    torch.testing.assert_close(turned.mT, made)


@pytest.mark.parametrize("quality", [10, 49, 50, 90])
def test_jpeg_is_pillows(quality):
    hr = pictures(2, 64)
    made = drawn(f"jpeg:quality={quality}", 2, (64, 64)).levels(hr).permute(0, 2, 3, 1).numpy()
    for own, picture in zip(made, hr.permute(0, 2, 3, 1).numpy(), strict=True):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=2)
        theirs = np.asarray(Image.open(file)).astype(float)
        assert np.abs(theirs - own).mean() < 1.2


def test_gray_and_box_are_pillows():
    hr = pictures(1)
    picture = Image.fromarray(hr[0].permute(1, 2, 0).numpy())
    gray = drawn("grayscale", 1, (32, 32)).levels(hr)[0, 0].numpy().astype(int)
    assert np.abs(gray - np.asarray(picture.convert("L")).astype(int)).max() <= 1
    box = drawn("box", 1, (32, 32)).levels(hr)[0].permute(1, 2, 0).numpy().astype(int)
    theirs = np.asarray(picture.resize((8, 8), Image.Resampling.BOX)).astype(int)
    assert np.abs(box - theirs).max() <= 1


def test_noise_has_its_deviation_and_a_hole_its_size():
    hr = torch.zeros(4, 3, 64, 64)
    noisy = drawn("noise:std=20", 4, (64, 64))(hr)
    assert float(noisy.std() * 127.5) == pytest.approx(20, rel=0.02)
    hole = drawn("center_mask:side=0.25", 1, (64, 64)).degraded(hr[:1] + 1)
    assert float((hole[:, 3] < 0).sum()) == 16 * 16
    assert float(hole[0, :3, 24:40, 24:40].abs().max()) == 0
    strokes = drawn("free_form_mask", 40, (64, 64)).told
    share = (strokes < 0).float().mean(dim=(1, 2, 3))
    assert float(share.min()) > 0.02
    assert float(share.max()) < 0.8


def test_the_mixed_degradation_without_strength_only_resizes():
    hr = noise(6, 3, 64, 64).float().sigmoid() - 0.5
    plain = drawn("second_order:strength=0", 6, (64, 64))(hr)
    full = drawn("second_order", 6, (64, 64))(hr)
    mean = torch.nn.functional.avg_pool2d(hr, 4)
    assert plain.shape == full.shape == mean.shape
    assert float((plain - mean).square().mean()) < float((full - mean).square().mean()) / 3
    assert float(full.abs().max()) <= 1 + 1e-6


def test_a_range_is_drawn_for_each_picture_and_a_number_is_not():
    chosen = choose("free_form_mask:strokes=2..3,width=0.1")
    values = [chosen._values(generator_of(i)) for i in range(40)]
    assert {v["strokes"] for v in values} == {2, 3}
    assert {v["width"] for v in values} == {0.1}
    assert choose(chosen.text) == chosen
    assert choose("gaussian-blur") == choose("gaussian_blur:sigma=2")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("blurr", "gaussian_blur"),
        ("gaussian_blur:sigma=0", "0.1 to 20 pixels"),
        ("gaussian_blur:sigma=3..1", "the least first"),
        ("gaussian_blur:sigma=nan", "0.1 to 20"),
        ("gaussian_blur:sigma=1,sigma=2", "twice"),
        ("gaussian_blur:width=3", "sigma"),
        ("gaussian_blur:sigma", "NAME=VALUE"),
        ("grayscale:sigma=1", "no parameters"),
        ("jpeg:quality=2.5", "whole number"),
        ("jpeg:quality=many", "1 to 100"),
        ("nowhere.py", "no file"),
    ],
)
def test_what_cannot_be_is_one_line(text, named):
    with pytest.raises(InputError, match=named) as caught:
        choose(text)
    assert "\n" not in str(caught.value)


def test_only_a_known_linear_operator_is_projected_onto():
    picture = torch.zeros(1, 3, 32, 32)
    assert choose("gaussian_blur:sigma=1").known(picture).linear
    loose = "gaussian_blur:sigma=1..2"
    for text, named in (("jpeg", "not lin"), ("noise", "not lin"), (loose, "sigma=NUMBER")):
        with pytest.raises(InputError, match=named):
            choose(text).known(picture)
    with pytest.raises(InputError, match="divisible"):
        choose("box", 3).draw((32, 32), generators(1))
    mask = torch.ones(1, 1, 32, 32)
    mask[..., :8] = -1
    found = choose("free_form_mask").known(torch.cat([picture, mask], dim=1))
    assert torch.equal(found.known, mask > 0)


class Halved(Operator):
    """Every second column, as a user would write it: without adjoint or inverse."""

    def __call__(self, hr):
        return hr[..., ::2] * 0.5


def test_an_operator_of_ones_own_gets_adjoint_inverse_and_projection():
    a, x = Halved(), noise(2, 3, 8, 12)
    y = a(x)
    inverse = a.inverse(y, (8, 12))
    torch.testing.assert_close(a(inverse), y)
    assert float(inverse[..., 1::2].abs().max()) == 0
    with torch.inference_mode():
        made = a.onto(y, (8, 12)).within_range(torch.zeros(2, 3, 8, 12, dtype=torch.float64))
    torch.testing.assert_close(a(made), y, rtol=0, atol=4e-3)  # half a level


HEAD = """
import torch
from sr3.degradations.kinds.operator import Operator
from sr3.degradations.protocol import Degradation


class Mine(Operator):
    def __call__(self, hr):
        {body}


DEGRADATION = Degradation(title="mine", source="a test", version=1,
                          operator=lambda request: {made}, {more})
"""


@pytest.mark.parametrize(
    ("body", "made", "more", "named"),
    [
        ("return hr * 0.5", "Mine()", "", None),
        ("return hr.abs()", "Mine()", "linear=False", None),
        ("raise ValueError('boom')", "Mine()", "", r"picture of 24x16.*mine.py:9: boom"),
        ("return hr", "1 / 0", "", "ZeroDivisionError at mine.py"),
        ("return hr", "None", "", "found NoneType by operator, wanted an Operator"),
        ("return hr[..., ::2]", "Mine()", "", r"3, 16, 12\) of its .* wanted \(2, 3, 16, 24\)"),
        ("return hr", "Mine()", "channels=1", r"wanted \(2, 1, 16, 24\)"),
        ("return hr.abs()", "Mine()", "", "not linear, wanted linear=False"),
        ("return hr + 1", "Mine()", "", "not linear"),
        ("return hr", "Mine()", "channels=2", "found 2 channels"),
        ("return hr", "Mine()", "look='wet'", "found look 'wet'"),
        ("return hr", "Mine()", "wet=1", "broken .TypeError at mine.py"),
        ("return (", "Mine()", "", "broken .SyntaxError in line"),
        ("import nothing_of_this_name", "Mine()", "", "ModuleNotFoundError"),
    ],
)  # fmt: skip
def test_a_file_of_ones_own_is_tried_before_any_work(tmp_path, body, made, more, named):
    file = tmp_path / "mine.py"
    file.write_text(HEAD.format(body=body, made=made, more=more))
    if named is None:
        protocol.tried(choose(str(file)), SIZE)
        return
    with pytest.raises(InputError, match=named) as caught:
        protocol.tried(choose(str(file)), SIZE)
    assert "\n" not in str(caught.value)
    assert "mine.py" in str(caught.value)


@pytest.mark.parametrize("text", ["", "X = 1", "import nothing_of_this_name", "def (:"])
def test_a_file_without_the_value_or_that_does_not_load_is_one_line(tmp_path, text):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(InputError, match=r"mine\.py") as caught:
        choose(str(tmp_path / "mine.py"))
    assert "\n" not in str(caught.value)


PARAMETERS = [
    *(f"gaussian_blur:sigma={s}" for s in (0.1, 0.7, 3, 20)),
    *(f"motion_blur:length={n},angle={a}" for n, a in ((1, 0), (4, 90), (15, 30), (33, 179))),
    *(f"center_mask:side={s}" for s in (0.02, 0.5, 0.98)),
    "free_form_mask:strokes=1,width=0.5", "free_form_mask:strokes=40", "grayscale",
    "gaussian_blur:sigma=1..3", "motion_blur:length=3..9,angle=0..180",
]  # fmt: skip


@pytest.mark.parametrize("size", [(15, 23), (21, 8), (16, 16)])
@pytest.mark.parametrize("text", PARAMETERS)
def test_adjoint_and_inverse_of_other_parameters_and_odd_sides(text, size):
    a = choose(text).draw(size, generators(2, text))
    assert [gap for gap in linear_gaps(a, size) if not gap[1] < gap[2]] == []


@pytest.mark.parametrize("scale", [2, 3, 5])
@pytest.mark.parametrize("name", ["bicubic", "box", "matlab_bicubic"])
def test_adjoint_and_inverse_of_resizes_by_other_factors(name, scale):
    size = (3 * scale, 7 * scale)
    a = choose(name, scale).draw(size, generators(2, name))
    assert [gap for gap in linear_gaps(a, size) if not gap[1] < gap[2]] == []


def linear_gaps(a, size):
    """What, how far and the bound: A as a matrix of its columns, beside numpy's linear algebra."""
    pixels = size[0] * size[1]
    unit = torch.eye(pixels, dtype=torch.float64).reshape(pixels, *size)
    for place in range(2):
        x = noise(2, 3, *size)
        y = a(x)
        z = noise(*y.shape)
        back = a.adjoint(z, size)
        yield "adjoint", float(((y * z).sum() - (x * back).sum()).abs()), 1e-9 * pixels
        yield "A A+ A", float((a(a.inverse(y, size)) - y).abs().max()), 1e-5
        if y.shape[1] != 3:  # channels apart: one channel's matrix says all
            continue
        columns = torch.stack([a(x * 0 + u)[place, 0].flatten() for u in unit], dim=1)
        transposed = columns.T @ z[place, 0].flatten()
        yield "transpose", float((back[place, 0].flatten() - transposed).abs().max()), 1e-10
        strong = np.linalg.svd(columns.numpy(), compute_uv=False)
        if strong[-1] > 1e-4 * strong[0] or strong[-1] == 0:
            wanted = np.linalg.pinv(columns.numpy(), rcond=1e-5) @ y[place, 0].flatten().numpy()
            found = a.inverse(y, size)[place, 0].flatten().numpy()
            yield "pseudo-inverse", np.abs(found - wanted).max(), 1e-5
