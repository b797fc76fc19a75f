"""Generate pictures from noise: `python -m sr3.generate WEIGHTS OUT --n 64`.

WEIGHTS is a generator's file or the name of shipped ones. Weights that know classes make all of
them in turn, or those of --class. OUT gets numbered PNG, generate.json with all that decided them,
and sheets/contact.png. Several processes share the work under `torchrun -m sr3.generate`; a run
that was interrupted goes on with the same command.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from sr3.base.errors import InputError, run_command
from sr3.diffusion import samplers
from sr3.networks import checkpoint
from sr3.networks.model import Model
from sr3.networks.precision import CHOICES, resolve
from sr3.sample import Bar, find_weights, pick_device
from sr3.sampling import folder, generating, generation
from sr3.sampling.folder import Shard


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sr3.generate", description=__doc__)
    add = parser.add_argument
    add("weights", metavar="WEIGHTS", help="file or shipped name of a generator's weights")
    add("out", type=Path, metavar="OUT")
    add("--n", type=int, default=64, metavar="N", help="pictures (default: %(default)s)")
    add("--class", dest="classes", action="append", default=[], metavar="NAME",
        help="only this class, or several in turn; none: without a class")  # fmt: skip
    add("--guidance", type=float, default=0.0, metavar="W", help="classifier-free, 0 is none")
    add("--sampler", choices=list(samplers.INFO), help="default: the model's")
    add("--steps", type=int, help="refinement steps (default: the model's)")
    add("--schedule", help="training, SHAPE:STEPS[:NUMBER...] or a file")
    add("--eta", type=float, help="fresh noise, 0 to 1 (ddim, dpmpp-2m)")
    add("--temperature", type=float, help="deviation of the noise, 0 to 2 (default: the model's)")
    add("--seed", type=int, default=0)
    add("--batch-size", type=int, default=16, help="pictures at once")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add("--precision", choices=CHOICES, default="auto", help="auto: bf16 where the device has it")
    add("--compile", action="store_true", help="compile the network first (pays on a GPU)")
    add("--overwrite", action="store_true", help="make everything again")
    return parser.parse_args(argv)


def trained(path: Path) -> dict[str, Any]:
    """What run and step a weights file is of."""
    provenance = checkpoint.read_tensors(path).description.get("provenance", {})
    known = ("name", "step", "pictures_seen", "sigma_rel")
    return {k: provenance[k] for k in known if k in provenance}


def plan(
    args: argparse.Namespace, path: Path, model: Model, device: torch.device
) -> generation.Run:
    """Fill in the model's defaults and refuse what does not fit, before any work.

    Raises:
        InputError: weights of another task, an unknown class, or a number that cannot be.
    """
    for name in ("n", "batch_size"):
        if getattr(args, name) < 1:
            found = f"--{name.replace('_', '-')} {getattr(args, name)}"
            raise InputError(f"found {found}, wanted 1 or more")
    spec = model.spec
    generating.check(spec, args.guidance)
    names = args.classes or list(spec.classes)
    classes = [(name, generating.label_of(spec, name)) for name in names]
    sampling = (args.sampler, args.steps, args.schedule, args.eta, args.temperature)
    settings = generation.Settings(
        weights=path.name,
        sha256=checkpoint.sha256(path),
        trained=trained(path),
        n=args.n,
        classes=names,
        guidance=args.guidance,
        plan=generating.resolved(spec, *sampling),
        seed=args.seed,
        batch_size=args.batch_size,
        precision=resolve(args.precision, device),
    )
    return generation.Run(model, settings, generation.items(args.n, classes), args.out)


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    shard = Shard.from_environment()
    device = pick_device(args.device, shard)
    path = find_weights(args.weights)
    run = plan(args, path, checkpoint.load_model(path, device), device)
    folder.claim(args.out / generation.SETTINGS, asdict(run.settings), args.overwrite)
    if args.compile:
        run.model.network.compile()
    if shard.rank == 0:
        print(json.dumps(asdict(run.settings)))
        generation.write_classes(run)
    journal = folder.Journal(args.out, shard, fresh=args.overwrite)
    mine = sum(map(len, run.batches()[shard.rank :: shard.world]))
    with Bar(mine, shard) as bar:
        generation.work(run, shard, journal, bar.move)
    sheet = generation.write_sheet(run)
    print(f"{mine} pictures in {args.out}" + (f"; {sheet}" if sheet else ""))
    return 0


if __name__ == "__main__":
    run_command(main)
