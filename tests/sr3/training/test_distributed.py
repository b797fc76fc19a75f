"""Two Gloo processes against one: same losses, and states that any number of processes resume."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sr3 import train
from sr3.networks import checkpoint

ROOT = Path(__file__).parents[3]
SETTINGS = [
    "steps=4", "batch_size=12", "save_every=2", "validate_every=4", "augmentation.blur=0.5",
]  # fmt: skip


def arguments(faces, out, *settings):
    chosen = [x for s in [*SETTINGS, *settings] for x in ("--set", s)]
    return ["tiny", "--data", str(faces), "--out", str(out), "--device", "cpu", "--log-every", "1",
            "--logger", "none", *chosen]  # fmt: skip


def together(processes, arguments):
    """Run the trainer under torchrun; stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
         str(processes), "-m", "sr3.train", *arguments],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"},
        capture_output=True, text=True, timeout=800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def losses(out):
    lines = [json.loads(x) for x in (out / "log.jsonl").read_text().splitlines()]
    return {x["step"]: x["train/loss"] for x in lines if "train/loss" in x}


def weights(out):
    tensors = checkpoint.read_tensors(out / "ema-0.05.safetensors").tensors
    return {name: tensors[name] for name in tensors}


def assert_close(a, b):
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=0, atol=2e-5)


@pytest.fixture(scope="module")
def alone(faces, tmp_path_factory):
    out = tmp_path_factory.mktemp("world") / "one"
    assert train.main(arguments(faces, out)) == 0
    return out


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_processes_with_accumulation_train_as_one(faces, alone, tmp_path, strategy):
    out = tmp_path / "two"
    extra = ["--strategy", strategy, "--micro-batch", "3", "--recompute"]
    told = together(2, [*arguments(faces, out), *extra])
    assert "2 processes" in told
    found, wanted = losses(out), losses(alone)
    assert found.keys() == wanted.keys()
    np.testing.assert_allclose(list(found.values()), list(wanted.values()), rtol=2e-4)
    assert_close(weights(out), weights(alone))
    lines = (out / "log.jsonl").read_text().splitlines()
    scores = [json.loads(x) for x in lines if "validation/psnr" in x]
    before = [json.loads(x) for x in (alone / "log.jsonl").read_text().splitlines()]
    psnr = [x["validation/psnr"] for x in before if "validation/psnr" in x]
    assert [x["validation/psnr"] for x in scores] == pytest.approx(psnr, abs=0.02)


def test_a_state_of_two_is_resumed_by_three_and_by_one(faces, alone, tmp_path):
    """Sharded over two for two steps, then three processes and one finish the same run."""
    halfway = tmp_path / "two"
    together(2, [*arguments(faces, halfway), "--strategy", "fsdp"])
    (halfway / "states" / "step-00000004.safetensors").unlink()
    (state,) = (halfway / "states").iterdir()
    assert state.name == "step-00000002.safetensors"
    for processes in (3, 1):
        out = tmp_path / f"by-{processes}"
        (out / "states").mkdir(parents=True)
        os.link(state, out / "states" / state.name)
        if processes == 1:
            assert train.main(arguments(faces, out)) == 0
        else:
            assert "at step 2" in together(3, arguments(faces, out))
        wanted = {step: loss for step, loss in losses(alone).items() if step > 2}
        found = losses(out)
        assert found.keys() == wanted.keys()
        np.testing.assert_allclose(list(found.values()), list(wanted.values()), rtol=2e-4)
        assert_close(weights(out), weights(alone))


def test_a_batch_that_cannot_be_shared_out_is_refused(faces, tmp_path):
    from sr3.base.errors import InputError

    with pytest.raises(InputError, match="batch_size 12"):
        train.main([*arguments(faces, tmp_path / "out"), "--micro-batch", "5"])
