"""What a user gets from the wheel: images, published numbers and commands, from any folder."""

import importlib.util
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


LIBRARIES = Path(importlib.util.find_spec("numpy").origin).parents[1]
BASE = ("numpy", "numpy.libs", "PIL", "pillow.libs")  # of these the base install consists


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Path:
    """A new virtual environment with the wheel and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    venv.create(folder / "venv", with_pip=False)
    python = str(folder / "venv/bin/python")
    for command in (
        ["build", "--wheel", "--no-isolation", "-o", str(folder), "."],
        ["pip", "--python", python, "install", "-q", "--no-deps", "--no-index",
         "--find-links", str(folder), "sr3bench"],
    ):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=800
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "venv"


@pytest.fixture(scope="module")
def installed(fresh) -> Path:
    """The folder of its packages."""
    (site,) = fresh.glob("lib/python*/site-packages")
    return site


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """The libraries of an install without extras."""
    folder = tmp_path_factory.mktemp("base")
    for name in BASE:
        if (LIBRARIES / name).exists():
            (folder / name).symlink_to(LIBRARIES / name)
    return folder


def start(
    fresh: Path, folder: Path, libraries: Path, program: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """A program of the environment, called from `folder`, that finds these libraries too."""
    environment = os.environ | {"PYTHONPATH": str(libraries), "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        [fresh / "bin" / program, *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def test_data_and_published_numbers_travel(installed):
    assert len(list((installed / "bench/embedded/faces-rendered").glob("*.png"))) == 100
    assert (installed / "bench/embedded/faces-rendered/LICENSE.md").is_file()
    assert (installed / "bench/embedded/faces-rendered/attributes.jsonl").is_file()
    assert (installed / "bench/images/imagenet_classes.txt").is_file()
    published = {p.name for p in (ROOT / "results/published").glob("*.json")}
    assert {p.name for p in (installed / "bench/published").glob("*.json")} == published


def test_it_runs_from_any_folder(fresh, tmp_path):
    arguments = ("run", "--limit", "2", "--systems", "bicubic")
    done = start(fresh, tmp_path, LIBRARIES, "sr3bench", *arguments)
    assert done.returncode == 0, done.stderr
    assert "Published (FFHQ -> CelebA-HQ)" in done.stdout
    assert (tmp_path / "results/runs/face8x/bicubic.json").is_file()
    weights = next(iter(sorted((ROOT / "sr3/weights").glob("face8x-*.safetensors"))))
    told = start(fresh, tmp_path, LIBRARIES, "sr3", "info", str(weights))
    assert told.returncode == 0, told.stderr
    assert "weights, " in told.stdout


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        ("sr3 train tiny --data . --out run", "bench"),
        ("sr3 sample in.png out.png", "bench"),
        ("sr3bench run", "bench"),
        ("sr3bench tables run", "bench"),
        ("twoafc status", "server"),
    ],
)
def test_a_bare_install_says_in_one_line_what_to_add(fresh, base, tmp_path, words, extra):
    done = start(fresh, tmp_path, base, *words.split())
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert f"pip install 'sr3bench[{extra}]'" in done.stderr
    listed = start(fresh, tmp_path, base, words.split()[0], "--help")
    assert listed.returncode == 0, listed.stderr
