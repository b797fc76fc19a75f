"""Turn weights of a training run into a file to ship: `python -m sr3.export WEIGHTS OUT`.

Half precision, the sampling defaults stamped into the description, provenance kept; the learning
curve goes to --curves as a small CSV.
"""

import argparse
import csv
import json
from dataclasses import replace
from pathlib import Path

from sr3.base.errors import InputError, run_command
from sr3.networks import checkpoint
from sr3.networks.model import ModelSpec


def export(
    source: Path,
    out: Path,
    sampler: str | None,
    steps: int | None,
    schedule: str | None = None,
    temperature: float | None = None,
    spread: float | None = None,
) -> int:
    """Write `source` as float16 with changed sampling defaults; bytes written.

    Raises:
        InputError: a training state, a foreign file, or a folder that cannot be written.
    """
    read = checkpoint.read_tensors(source)
    if "spec" not in read.description:
        raise InputError(
            f"found a training state at {source}, wanted weights: use an ema-*.safetensors"
        )
    spec = ModelSpec.from_json(read.description["spec"])
    given = {"schedule": schedule, "temperature": temperature, "spread": spread}
    extra = spec.extra | {name: value for name, value in given.items() if value is not None}
    spec = replace(spec, sampler=sampler or spec.sampler, steps=steps or spec.steps, extra=extra)
    checkpoint.save_model(out, spec, read.tensors, read.description["provenance"], half=True)
    checkpoint.load_model(out)
    return out.stat().st_size


def curves(run: Path, out: Path) -> None:
    """The run's log.jsonl as CSV, one row per logged step and value."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["step", "name", "value"])
        for line in lines:
            step = line.pop("step")
            writer.writerows([step, name, f"{value:.6g}"] for name, value in line.items())


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m sr3.export", description=__doc__)
    parser.add_argument("weights", type=Path, help="ema-*.safetensors or best.safetensors of a run")
    parser.add_argument("out", type=Path)
    parser.add_argument("--sampler")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--schedule", help="default of --schedule; a star stands for the steps")
    parser.add_argument("--temperature", type=float, help="default of --temperature")
    parser.add_argument("--spread", type=float, help="default of --spread")
    parser.add_argument("--curves", type=Path, metavar="CSV")
    args = parser.parse_args(argv)
    chosen = args.sampler, args.steps, args.schedule, args.temperature, args.spread
    size = export(args.weights, args.out, *chosen)
    print(f"{args.out}: {size / 1e6:.1f} MB, SHA-256 {checkpoint.sha256(args.out)}")
    if args.curves:
        curves(args.weights.parent, args.curves)
    return 0


if __name__ == "__main__":
    run_command(main)
