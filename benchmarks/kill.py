"""Kill a short training again and again with SIGKILL and compare it with one that was let alone.

    python benchmarks/kill.py --kills 100 --seconds 1500

The moments are drawn uniformly over the steps of the run. Each round starts the same training in a
new process (forked, to spare the imports) and kills it at the next moment: during start, a step, or
the writing of a state (every third step). At the end the run is let finish, and every tensor of its
last state must equal the uninterrupted run's bit for bit. Prints one line a kill; exit code 1 if
the weights differ or a run could not go on.
"""

import json
import multiprocessing
import os
import random
import runpy
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import torch

from sr3.base.commands import Parser
from sr3.networks import checkpoint
from sr3.pictures import images

STEPS = 400


def pictures(folder, count=8, side=32):
    rng = np.random.default_rng(0)
    for i in range(count):
        images.write_png(folder / f"{i}.png", rng.integers(0, 256, (side, side, 3), dtype=np.uint8))


def settings_of(data, out, steps):
    settings = [f"steps={steps}", "save_every=3", f"validate_every={steps}", "batch_size=2"]
    chosen = [x for s in settings for x in ("--set", s)]
    return ["tiny", "--data", str(data), "--out", str(out),
            "--device", "cpu", "--threads", "1", "--logger", "none", "--log-every", "1",
            *chosen]  # fmt: skip


def start(arguments):
    """`python -m sr3.train` in a new process, without the seconds that the imports take."""
    process = multiprocessing.get_context("fork").Process(target=run_quietly, args=(arguments,))
    process.start()
    return process


def run_quietly(arguments):
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        sys.argv = ["sr3.train", *arguments]
        runpy.run_module("sr3.train", run_name="__main__")


def last_step(out):
    log = out / "log.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    return json.loads(lines[-1])["step"] if lines and lines[-1].endswith("}") else 0


def moments(kills, steps, rng):
    """Steps to kill at, as real numbers, over the whole run and in order."""
    return sorted(rng.uniform(0, steps) for _ in range(kills))


def kill_once(arguments, out, moment, rng):
    """Start the run and kill it shortly after its log reaches `moment`.

    Where it is there already, the kill hits the start instead. Returns the step of the last line of
    the log, or None if the run was over.
    """
    process = start(arguments)
    if last_step(out) >= int(moment):
        time.sleep(rng.uniform(0, 1))
    limit = time.monotonic() + 60
    while process.is_alive() and last_step(out) < int(moment) and time.monotonic() < limit:
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 0.1))
    running = process.is_alive()
    process.kill()
    process.join()
    return last_step(out) if running else None


def differing(a, b, steps):
    """Names of tensors of the last state that are not equal bit for bit."""
    left, right = (
        checkpoint.read_tensors(folder / "states" / f"step-{steps:08d}.safetensors").tensors
        for folder in (a, b)
    )
    return [name for name in left if not torch.equal(left[name], right[name])]


def summary(reached, steps):
    """How the kills lie: in each tenth of the run."""
    tenths = [0] * 10
    for step in reached:
        tenths[min(9, 10 * step // steps)] += 1
    return f"{len(reached)} kills, by tenth of the run {tenths}"


def main():
    parser = Parser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="kills in all")
    parser.add_argument("--seconds", type=float, default=1500, help="bound on the whole")
    parser.add_argument("--steps", type=int, default=STEPS, help="of the training")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    args = parser.parse_args()
    rng, begun, reached = random.Random(args.seed), time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        data, whole, killed = (Path(folder) / name for name in ("data", "whole", "killed"))
        pictures(data)
        alone = start(settings_of(data, whole, args.steps))
        alone.join()
        arguments = settings_of(data, killed, args.steps)
        for moment in moments(args.kills, args.steps, rng):
            if time.monotonic() - begun > args.seconds:
                break
            step = kill_once(arguments, killed, moment, rng)
            if step is None:
                break
            reached.append(step)
            print(f"kill {len(reached)}: log at step {step} of {args.steps}", flush=True)
        last = start(arguments)
        last.join()
        if last.exitcode or alone.exitcode:
            print(f"the run could not go on: exit code {last.exitcode or alone.exitcode}")
            return 1
        names = differing(whole, killed, args.steps)
    print(f"{summary(reached, args.steps)}; {time.monotonic() - begun:.0f} s")
    print(f"differing: {names[0]}" if names else "all tensors equal bit for bit")
    return bool(names)


if __name__ == "__main__":
    sys.exit(main())
