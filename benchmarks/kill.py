"""Kill a short training again and again with SIGKILL and compare it with one that was let alone.

    python benchmarks/kill.py --kills 100 --seconds 1500

Each round starts the same command in a new process and kills it at a random moment: during start,
a step, or the writing of a state. At the end the run is let finish, and every tensor of its last
state must equal the uninterrupted run's bit for bit. Prints one line a kill; exit code 1 if the
weights differ or a run could not go on.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from sr3 import checkpoint, images

STEPS = 400


def pictures(folder, count=8, side=32):
    rng = np.random.default_rng(0)
    for i in range(count):
        images.write_png(folder / f"{i}.png", rng.integers(0, 256, (side, side, 3), dtype=np.uint8))


def command(data, out, steps):
    settings = [f"steps={steps}", "save_every=3", f"validate_every={steps}", "batch_size=2"]
    chosen = [x for s in settings for x in ("--set", s)]
    return [sys.executable, "-m", "sr3.train", "tiny", "--data", str(data), "--out", str(out),
            "--device", "cpu", "--threads", "1", "--logger", "none", "--log-every", "1",
            *chosen]  # fmt: skip


def last_step(out):
    log = out / "log.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    return json.loads(lines[-1])["step"] if lines and lines[-1].endswith("}") else 0


def kill_once(arguments, out, rng):
    """Start the run, kill it at a random moment; whether it was still running."""
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    time.sleep(rng.uniform(0.1, 1.0))
    before = last_step(out)
    limit = time.monotonic() + 20
    if rng.random() < 0.8:  # most kills after some steps, the rest during start
        while process.poll() is None and last_step(out) == before and time.monotonic() < limit:
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 0.4))
    running = process.poll() is None
    process.kill()
    process.wait()
    return running


def differing(a, b, steps):
    """Names of tensors of the last state that are not equal bit for bit."""
    left, right = (
        checkpoint.read_tensors(folder / "states" / f"step-{steps:08d}.safetensors").tensors
        for folder in (a, b)
    )
    return [name for name in left if not torch.equal(left[name], right[name])]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=1500, help="bound on the whole")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    rng, start, kills = random.Random(args.seed), time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        data, whole, killed = (Path(folder) / name for name in ("data", "whole", "killed"))
        pictures(data)
        arguments = command(data, whole, args.steps)
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
        arguments = command(data, killed, args.steps)
        while kills < args.kills and time.monotonic() - start < args.seconds:
            if not kill_once(arguments, killed, rng):
                break
            kills += 1
            print(f"kill {kills}: log at step {last_step(killed)}", flush=True)
        done = subprocess.run(arguments, stdout=subprocess.DEVNULL)
        if done.returncode:
            print(f"the run could not go on: exit code {done.returncode}")
            return 1
        names = differing(whole, killed, args.steps)
    print(
        f"{kills} kills; {'differing: ' + names[0] if names else 'all tensors equal bit for bit'}"
    )
    return bool(names)


if __name__ == "__main__":
    sys.exit(main())
