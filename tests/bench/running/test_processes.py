"""Killed runs go on to the same bytes; several processes give what one gives; memory stays flat."""

import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from bench.running import runner
from bench.running.config import RunConfig
from bench.running.plan import plan

ROOT = Path(__file__).parents[3]
SLOW = """
import time
import torch


class Slow:
    name, source, scale, provenance = "slow", "test", 4, {"version": 1}

    def upscale(self, lr, generators):
        time.sleep(0.05)
        noise = [torch.randn(3, 32, 32, generator=g) for g in generators]
        return torch.stack(noise) * 0.2


def load(options):
    return Slow()
"""


@pytest.fixture
def arguments(images, suite, tmp_path):
    """A function from an output folder to the command's arguments."""
    system = tmp_path / "slow.py"
    system.write_text(SLOW)
    data = images(n=12)
    return lambda out: [
        "--suite", suite, "--data", str(data), "--systems", f"bicubic,{system}", "--device", "cpu",
        "--metrics", "psnr,ssim,consistency,diversity", "--samples", "2", "--batch-size", "2",
        "--out", str(tmp_path / out),
    ]  # fmt: skip


def start(arguments, *launcher):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, *(launcher or ("-m",)), "bench.run", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    )  # fmt: skip


def finish(process):
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    return output


def written(folder):
    """Bytes of everything a run leaves but times: records lose their date."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.suffix == ".sqlite" or path.name == "run.json":
            continue
        content = path.read_bytes()
        if path.suffix == ".json" and b'"created"' in content:
            record = json.loads(content)
            record["created"] = ""
            record["git"] = None  # the checkout may move while a test runs
            content = json.dumps(record).encode()
        found[str(path.relative_to(folder))] = content
    return found


def test_a_killed_run_goes_on_to_the_same_bytes(arguments, tmp_path):
    finish(start(arguments("whole")))
    folder = tmp_path / "killed/tiny"
    for wanted in (2, 7, 14):  # images of the slow system, samples included, before the kill
        process = start(arguments("killed"))
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if len(list((folder / "images/slow").rglob("p*.png"))) >= wanted:
                break
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert not (folder / "slow.json").exists(), "killed too late to prove anything"
    finish(start(arguments("killed")))
    one, other = written(tmp_path / "whole/tiny"), written(folder)
    leftovers = {name for name in other if name.endswith(".tmp")}
    assert {k: v for k, v in other.items() if k not in leftovers} == one


def test_two_processes_give_what_one_gives(arguments, tmp_path):
    finish(start(arguments("one")))
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m")
    output = finish(start(arguments("two"), *launcher))
    assert output.count("Ground truth") == 1, "only the first process prints"
    assert written(tmp_path / "two/tiny") == written(tmp_path / "one/tiny")


def test_a_process_does_its_share_and_nothing_else(images, suite, tmp_path):
    from contextlib import closing
    from dataclasses import replace

    from bench.base.run_cache import RunCache
    from bench.running.judging import do_share, evaluator_of
    from bench.running.processes import World
    from bench.running.rows import own_row

    config = RunConfig(suite=suite, data=images(n=5), systems=("nearest",), out=tmp_path / "runs")
    planned = plan(replace(config, world=World(rank=1, size=2)))
    with closing(RunCache(planned.folder / "cache.sqlite")) as cache:
        row = own_row("nearest", planned, cache)
        do_share(planned, evaluator_of(planned, cache), [row])
        values = cache._db.execute("SELECT count(*) FROM metric_values").fetchone()[0]
    made = sorted(path.name for path in (planned.folder / "images/nearest").iterdir())
    assert made == ["p1.png", "p3.png"]
    assert values == 2 * 3  # images times metrics


def test_memory_does_not_grow_with_the_number_of_images(images, suite, tmp_path):
    """Four times the images, the same peak of Python and numpy memory to within a fifth."""

    def peak(n):
        config = RunConfig(
            suite=suite, data=images(f"hr{n}", n=n), systems=("bicubic",),
            metrics=("psnr", "ssim"), out=tmp_path / f"runs{n}",
        )  # fmt: skip
        tracemalloc.start()
        runner.run(plan(config), say=lambda line: None)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(8)  # imports and caches
    assert peak(160) < 1.2 * peak(40) + 200_000
