"""Small inputs that the tests of `sr3` share."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sr3.pictures import images

ROOT = Path(__file__).parents[2]


def smooth_picture(seed, side=32):
    """(side, side, 3) uint8: a few cosines, neither trivial nor hopeless to upscale."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / side
    waves = [
        rng.uniform(20, 50, 3) * np.cos(2 * np.pi * (fx * x + fy * y) + phase)[..., None]
        for fx, fy, phase in rng.uniform(0, 3, (4, 3))
    ]
    return np.clip(128 + sum(waves), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    """A folder of twelve 32x32 pictures."""
    folder = tmp_path_factory.mktemp("faces")
    for i in range(12):
        images.write_png(folder / f"{i:02d}.png", smooth_picture(i))
    return folder


def run_module(module, *arguments, timeout=600, **environment):
    """`python -m module arguments` in a real process."""
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"} | environment,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@pytest.fixture(scope="session")
def run():
    return run_module
