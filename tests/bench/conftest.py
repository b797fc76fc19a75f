"""Tiny image sets and a tiny suite, so that a whole run takes a second."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SMALL_SUITE = '''
"""A tiny suite of a user: 32x32 from 8x8."""
from bench.suites.protocol import Suite

SUITE = Suite(
    title="tiny", version=3, scale=4, size=(32, 32), systems=("bicubic", "nearest"),
    metrics=("psnr", "ssim", "consistency"), dataset="noise", paper_table=None,
    prepare="natural",
)
'''


def picture(seed: int, size: int = 32) -> np.ndarray:
    """A smooth random RGB picture, (size, size, 3) uint8."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC))


@pytest.fixture
def images(tmp_path: Path):
    """A function that fills a folder with n pictures."""

    def fill(name: str = "hr", n: int = 5, size: int = 32, first: int = 0) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for index in range(n):
            Image.fromarray(picture(first + index, size)).save(folder / f"p{index}.png")
        return folder

    return fill


@pytest.fixture
def suite(tmp_path: Path) -> str:
    """Path of a user's suite file."""
    path = tmp_path / "tiny.py"
    path.write_text(SMALL_SUITE)
    return str(path)


@pytest.fixture
def shared() -> Path:
    """The folder of real images beside the checkout; skips loudly where it is absent."""
    default = Path(__file__).parents[3] / "shared"
    folder = Path(os.environ.get("BENCH_SHARED", default)) / "data"
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}: set BENCH_SHARED to check real images")
    return folder


@pytest.fixture
def quick_network(monkeypatch):
    """EfficientNet-Lite0's place is taken by random sums of coarse pixels, of the same width."""
    import torch
    from torch import nn

    from bench.extractors import efficientnet_lite0, protocol

    class Sums(nn.Module):
        def __init__(self):
            super().__init__()
            generator = torch.Generator().manual_seed(0)
            self.register_buffer("weights", torch.randn(192, 1280, generator=generator))

        def forward(self, images):
            coarse = nn.functional.adaptive_avg_pool2d(images.float() / 255, 8).flatten(1)
            return {"1280": coarse @ self.weights, "logits": coarse @ self.weights[:, :1000]}

    layers = efficientnet_lite0.EXTRACTOR.layers
    stub = protocol.Extractor("stub", (), (), "none", 1, layers, lambda _: Sums())
    protocol.load_extractor.cache_clear()
    monkeypatch.setattr(efficientnet_lite0, "EXTRACTOR", stub)
    yield
    protocol.load_extractor.cache_clear()


@pytest.fixture(autouse=True)
def no_bench_environment(monkeypatch):
    """Tests decide where images come from, not the shell they run in."""
    monkeypatch.delenv("BENCH_DATA", raising=False)
