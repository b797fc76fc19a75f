"""A kept run holds every number of the run, and neither pictures nor a machine's folders."""

import json
import shlex
import shutil
from pathlib import Path

import pytest

from bench import run as run_command
from bench import tables
from bench.doctor.examination import CHECKS
from bench.images.hr import EMBEDDED
from bench.records.finished import read_finished
from bench.records.kept import command_of, keep, without_places
from bench.running import runner
from bench.running.config import RunConfig
from bench.running.plan import plan
from sr3.base.errors import InputError

N = 4


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """A run of four embedded faces; the foreign system's outputs are the faces themselves."""
    home = tmp_path_factory.mktemp("home")
    faces = sorted((EMBEDDED / "faces-rendered").glob("*.png"))[:N]
    for folder in ("noise", "foreign"):
        (home / folder).mkdir()
        for face in faces:
            shutil.copy(face, home / folder)
    return RunConfig(
        suite="face8x", data=home / "noise", systems=("bicubic", "nearest"), out=home / "runs",
        imports={"foreign": home / "foreign"}, metrics=("psnr", "ssim"), seed=3, accept=CHECKS,
        precision="float32",
    )  # fmt: skip


@pytest.fixture(scope="module")
def finished(config):
    return runner.run(plan(config), say=lambda line: None).folder


@pytest.fixture
def kept(finished, tmp_path):
    return keep(finished, tmp_path / "kept")


def test_every_number_is_kept(finished, kept):
    first, second = read_finished(finished), read_finished(kept)
    assert [r.metrics for r in second.records] == [r.metrics for r in first.records]
    assert second.comparisons == first.comparisons
    assert second.images == first.images
    for system, columns in first.values.items():
        assert {k: v.tolist() for k, v in columns.items()} == {
            k: v.tolist() for k, v in second.values[system].items()
        }


def test_no_pictures_caches_or_folders_of_the_machine_are(kept, config):
    assert {path.suffix for path in kept.iterdir()} == {".json", ".csv"}
    assert all(str(config.data.parent) not in path.read_text() for path in kept.iterdir())


def test_the_command_makes_the_same_run(config, kept):
    run = json.loads((kept / "run.json").read_text())
    words = shlex.split(run["command"])
    assert words[:3] == ["python", "-m", "bench.run"]
    options = run_command.parse(words[3:])
    assert options.data == Path("noise")
    assert dict(options.imports)["foreign"].name == "foreign"
    for name in ("systems", "metrics", "seed", "batch_size", "samples", "precision", "accept"):
        assert getattr(options, name) == getattr(config, name)


def test_keeping_again_replaces_the_kept_run_and_nothing_else(finished, kept, tmp_path):
    before = {path.name: path.read_bytes() for path in kept.iterdir()}
    (kept / "stale.images.csv").write_text("left by an earlier run")
    keep(finished, tmp_path / "kept")
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before
    with pytest.raises(InputError, match="the run itself"):
        keep(finished, finished.parent)
    (tmp_path / "mine" / kept.name).mkdir(parents=True)
    with pytest.raises(InputError, match="holds no kept run"):
        keep(finished, tmp_path / "mine")


def test_a_run_that_is_not_whole_is_refused(finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run, ignore=shutil.ignore_patterns("images", "cache*"))
    record = json.loads((run / "nearest.json").read_text())
    (run / "nearest.json").write_text(json.dumps(record | {"status": "failed: no memory"}))
    with pytest.raises(InputError, match="found nearest without images"):
        keep(run, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_images_of_a_kept_run_are_asked_for_in_vain(kept):
    with pytest.raises(InputError, match=r"kept without them: make the run again"):
        read_finished(kept).path("bicubic", "000")


def test_options_that_are_not_set_are_left_out():
    run = {"suite": "face8x", "consistent": True, "steps": None, "accept": [], "imports": {}}
    assert command_of(run) == "python -m bench.run --suite face8x --consistent"


def test_only_absolute_paths_are_cut():
    found = {"a": ["/home/me/set/test", 1], "b": "MSE / 2", "c": {"d": "outputs/x"}}
    assert without_places(found) == found | {"a": ["set/test", 1]}


def test_the_command_line_keeps(finished, tmp_path, capsys):
    assert tables.main([str(finished), "--keep", str(tmp_path / "kept")]) == 0
    assert capsys.readouterr().out == f"kept {tmp_path / 'kept' / finished.name}\n"
