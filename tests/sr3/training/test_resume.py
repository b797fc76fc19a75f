"""Interrupted equals uninterrupted, weights bit for bit, in real processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from sr3 import train
from sr3.networks import checkpoint
from sr3.training import loop

ROOT = Path(__file__).parents[3]
SETTINGS = [
    "steps=30", "save_every=5", "validate_every=15", "preset=tiny", "augmentation.blur=0.5",
    "augmentation.shift=2", "augmentation.colour=0.1",
]  # fmt: skip


def command(faces, out):
    chosen = [x for s in SETTINGS for x in ("--set", s)]
    return ["tiny", "--data", str(faces), "--out", str(out), "--device", "cpu", "--threads", "1",
            "--log-every", "1", *chosen]  # fmt: skip


def start(faces, out):
    return subprocess.Popen(
        [sys.executable, "-m", "sr3.train", *command(faces, out)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"},
        stdout=subprocess.DEVNULL,
    )


def wait_for_step(out, step, process, seconds=400):
    """Until the log of a run reaches `step`."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        assert process.poll() is None, "the run ended before it was stopped"
        log = out / "log.jsonl"
        if log.exists() and any(
            json.loads(x)["step"] >= step for x in log.read_text().splitlines() if x.endswith("}")
        ):
            return
        time.sleep(0.05)
    raise AssertionError(f"no step {step} within {seconds} s")


@pytest.fixture(scope="module")
def uninterrupted(faces, tmp_path_factory):
    out = tmp_path_factory.mktemp("resume") / "whole"
    assert train.main(command(faces, out)) == 0
    return out


def assert_same_weights(a, b):
    for name in ("ema-0.05.safetensors", "ema-0.1.safetensors"):
        left, right = (checkpoint.read_tensors(folder / name).tensors for folder in (a, b))
        assert left.keys() == right.keys()
        for key in left:
            assert torch.equal(left[key], right[key]), key


def test_sigterm_saves_exits_with_its_code_and_the_same_command_goes_on(
    faces, uninterrupted, tmp_path
):
    process = start(faces, tmp_path / "run")
    wait_for_step(tmp_path / "run", 7, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == loop.STOPPED
    assert train.main(command(faces, tmp_path / "run")) == 0
    assert_same_weights(uninterrupted, tmp_path / "run")
    steps = [json.loads(x)["step"] for x in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    whole = [json.loads(x)["step"] for x in (uninterrupted / "log.jsonl").read_text().splitlines()]
    assert steps == whole


def test_kill_nine_loses_only_what_came_after_the_last_state(faces, uninterrupted, tmp_path):
    for step in (8, 17):
        process = start(faces, tmp_path / "run")
        wait_for_step(tmp_path / "run", step, process)
        process.kill()
        process.wait(60)
    assert train.main(command(faces, tmp_path / "run")) == 0
    assert_same_weights(uninterrupted, tmp_path / "run")
