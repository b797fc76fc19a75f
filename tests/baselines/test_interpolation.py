"""The interpolating systems against Pillow, and the registry by file name."""

import numpy as np
import pytest
import torch
from PIL import Image

from baselines.protocol import SystemOptions, UnavailableError, load, names
from sr3.base.errors import InputError
from sr3.base.modules import code_digest

OPTIONS = SystemOptions(weights=None, scale=4)


@pytest.fixture
def lr():
    return torch.rand(2, 3, 6, 8, generator=torch.manual_seed(0)) * 2 - 1


def enlarge(planes, resample):
    return np.stack(
        [np.asarray(Image.fromarray(p.numpy()).resize((32, 24), resample)) for p in planes]
    )


@pytest.mark.parametrize(
    ("name", "resample"),
    [
        ("bicubic", Image.Resampling.BICUBIC),
        ("lanczos", Image.Resampling.LANCZOS),
        ("nearest", Image.Resampling.NEAREST),
    ],
)
def test_equals_pillow_in_float(name, resample, lr):
    ours = load(name, OPTIONS).upscale(lr, [])
    assert ours.shape == (2, 3, 24, 32)
    for image, planes in zip(ours, lr, strict=True):
        np.testing.assert_allclose(image, enlarge(planes, resample).clip(-1, 1), atol=2e-6)


@pytest.mark.parametrize("name", ["bicubic", "lanczos", "nearest"])
def test_a_constant_stays_constant(name):
    constant = torch.full((1, 3, 4, 4), 0.25)
    torch.testing.assert_close(
        load(name, OPTIONS).upscale(constant, []), torch.full((1, 3, 16, 16), 0.25)
    )


def test_names_are_the_systems_and_nothing_else():
    assert {"bicubic", "lanczos", "nearest", "regression", "sr3"} <= set(names())
    assert not {"registry", "interpolation", "trained"} & set(names())


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match=r"tricubic.*bicubic.*sr3"):
        load("tricubic", OPTIONS)


def test_helpers_are_no_systems():
    with pytest.raises(InputError, match="found no system"):
        load("interpolation", OPTIONS)


def test_a_users_file_without_a_factory_is_refused(tmp_path):
    (tmp_path / "mine.py").write_text("x = 1\n")
    with pytest.raises(InputError, match="found no function load"):
        load(str(tmp_path / "mine.py"), OPTIONS)


def test_trained_systems_without_weights_are_unavailable():
    with pytest.raises(UnavailableError, match="weights nowhere-sr3"):
        load("sr3", SystemOptions(weights="nowhere", scale=8))


def test_the_code_digest_follows_the_imports_within_the_package(tmp_path, monkeypatch):
    package = tmp_path / "pack"
    package.mkdir()
    for name, text in {
        "__init__": "",
        "a": "from pack import b\nimport json\n",
        "b": "from pack.c import x\n",
        "c": "x = 1\n",
        "d": "y = 1\n",
    }.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    before = code_digest("pack.a")
    (package / "d.py").write_text("y = 2\n")
    assert code_digest("pack.a") == before
    (package / "c.py").write_text("x = 2\n")
    assert code_digest("pack.a") != before
