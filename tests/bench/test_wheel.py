"""What a user gets from the wheel: images, published numbers and commands, from any folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The wheel's content, unpacked as an installer would."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(folder), "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def start(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_data_and_published_numbers_travel(installed):
    assert len(list((installed / "bench/embedded/faces-rendered").glob("*.png"))) == 100
    assert (installed / "bench/embedded/faces-rendered/LICENSE.md").is_file()
    assert (installed / "bench/embedded/faces-rendered/attributes.jsonl").is_file()
    assert (installed / "bench/images/imagenet_classes.txt").is_file()
    published = {p.name for p in (ROOT / "results/published").glob("*.json")}
    assert {p.name for p in (installed / "bench/published").glob("*.json")} == published


def test_it_runs_from_any_folder(installed, tmp_path):
    done = start(installed, tmp_path, "bench.run", "--limit", "2", "--systems", "bicubic")
    assert done.returncode == 0, done.stderr
    assert "Published (FFHQ -> CelebA-HQ)" in done.stdout
    assert (tmp_path / "results/runs/face8x/bicubic.json").is_file()
