"""A kept run holds every number of the run, and neither pictures nor a machine's folders."""

import json
import shlex
from pathlib import Path

import pytest

from bench import run as run_command
from bench import tables
from bench.doctor.examination import CHECKS
from bench.records.finished import read_finished
from bench.records.kept import command_of, keep, without_places
from bench.running import runner
from bench.running.config import RunConfig
from bench.running.plan import plan
from sr3.base.errors import InputError


@pytest.fixture
def config(images, suite, tmp_path):
    return RunConfig(
        suite=suite, data=images("noise", n=6), systems=("bicubic", "nearest"),
        out=tmp_path / "runs",
        imports={"foreign": images("foreign", n=6, first=50)}, metrics=("psnr", "ssim"), seed=3,
        accept=CHECKS, precision="float32",
    )  # fmt: skip


@pytest.fixture
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


def test_no_pictures_caches_or_folders_of_the_machine_are(kept, tmp_path):
    assert {path.suffix for path in kept.iterdir()} == {".json", ".csv"}
    assert all(str(tmp_path) not in path.read_text() for path in kept.iterdir())


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


def test_a_run_that_is_not_whole_is_refused(config, tmp_path):
    config = RunConfig(suite=config.suite, data=config.data, out=config.out, systems=("sr3",))
    folder = runner.run(plan(config), say=lambda line: None).folder
    with pytest.raises(InputError, match="found sr3 without images"):
        keep(folder, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_options_that_are_not_set_are_left_out():
    run = {"suite": "face8x", "consistent": True, "steps": None, "accept": [], "imports": {}}
    assert command_of(run) == "python -m bench.run --suite face8x --consistent"


def test_only_absolute_paths_are_cut():
    found = {"a": ["/home/me/data/set/test", "/"], "b": "MSE / 2", "c": {"d": "outputs/x"}}
    assert without_places(found) == {
        "a": ["set/test", "."],
        "b": "MSE / 2",
        "c": {"d": "outputs/x"},
    }


def test_the_command_line_keeps(finished, tmp_path, capsys):
    assert tables.main([str(finished), "--keep", str(tmp_path / "kept")]) == 0
    assert capsys.readouterr().out == f"kept {tmp_path / 'kept' / finished.name}\n"
