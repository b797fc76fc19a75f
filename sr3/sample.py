"""Super-resolve pictures: `python -m sr3.sample IN OUT`.

IN is a picture or a folder of pictures of any size, colour or gray, 8- or 16-bit, with or without
alpha; no ground truth is needed. OUT is a folder, or a file name ending in .png when IN is one
picture. Several processes share a folder's work under `torchrun -m sr3.sample IN OUT`; a run that
was interrupted goes on with the same command.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from sr3.base.errors import InputError, run_command
from sr3.base.rng import generator_of
from sr3.diffusion import samplers
from sr3.networks import checkpoint
from sr3.networks.precision import CHOICES
from sr3.networks.precision import resolve as resolve_precision
from sr3.pictures import images, kinds
from sr3.sampling import chain, folder, outputs
from sr3.sampling.chain import Stage
from sr3.sampling.folder import Shard, Source

DEFAULT_WEIGHTS = "face8x-sr3"
LOG_INTERVAL_S = 10.0  # between lines of progress where stderr is a file


@dataclass(frozen=True)
class Settings:
    """All that decides what a picture's outputs are; saved beside them."""

    stages: list[dict[str, Any]]
    consistent: bool
    seed: int
    num_samples: int
    mean: bool
    compare: bool
    precision: str


@dataclass(frozen=True)
class Run:
    """Models, settings and place of one invocation."""

    stages: list[Stage]
    settings: Settings
    out: Path
    device: torch.device
    window_batch: int

    def upscale(self, lr: Tensor, hashes: list[str], progress: Callable[[float], None]) -> Tensor:
        """(B, K, 3, H, W) on the CPU: K samples of every picture, rounded to 8 bits."""
        s = self.settings
        share = len(lr) / s.num_samples
        samples = [
            chain.run(
                self.stages,
                lr.to(self.device),
                partial(self._generators, hashes, k),
                s.precision,
                s.consistent,
                self.window_batch,
                progress=lambda part: progress(part * share),
            )
            for k in range(s.num_samples)
        ]
        return torch.stack([images.from_uint8(images.to_uint8(sr)) for sr in samples], dim=1)

    def _generators(self, hashes: list[str], sample: int, stage: int) -> list[torch.Generator]:
        return [generator_of(self.settings.seed, h, sample, stage) for h in hashes]

    def make(
        self, batch: list[Source], hashes: list[str], progress: Callable[[float], None]
    ) -> list[dict[str, Any]]:
        """Sample a batch and write its outputs; a record per picture."""
        pictures = [kinds.read_picture(source.path) for source in batch]
        sr = self.upscale(torch.stack([p.rgb for p in pictures]), hashes, progress)
        records = []
        for source, sha256, picture, samples in zip(batch, hashes, pictures, sr, strict=True):
            result = outputs.Result(picture, samples, chain.total_scale(self.stages))
            s = self.settings
            files = outputs.write(self.out, source.name, result, s.mean, s.compare)
            numbers = outputs.measure(result)
            records.append({"name": source.name, "sha256": sha256, "outputs": files} | numbers)
        return records


def sample_folder(
    run: Run, batches: list[list[Source]], shard: Shard, journal: folder.Journal
) -> list[dict[str, Any]]:
    """Make what is missing of this shard's batches; the records of all of them."""
    mine = batches[shard.rank :: shard.world]
    with Bar(sum(map(len, mine)), shard) as bar:
        for batch in mine:
            hashes = [checkpoint.sha256(source.path) for source in batch]
            if all(journal.has(s.name, h) for s, h in zip(batch, hashes, strict=True)):
                bar.move(len(batch))
                continue
            for record in run.make(batch, hashes, bar.move):
                journal.add(record)
    return [journal.done[source.name] for batch in mine for source in batch]


def sample_file(run: Run, source: Source) -> list[dict[str, Any]]:
    """Make the outputs of one picture, always anew."""
    with Bar(1, Shard(0, 1, 0)) as bar:
        return run.make([source], [checkpoint.sha256(source.path)], bar.move)


class Bar(tqdm):  # type: ignore[misc]
    """Progress in pictures, moved on by shares of them."""

    def __init__(self, total: int, shard: Shard) -> None:
        terminal = sys.stderr.isatty()
        super().__init__(
            total=total,
            unit="picture",
            desc="sampling" if shard.world == 1 else f"sampling, process 1 of {shard.world}",
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total} "
            "[{elapsed}<{remaining}, {rate_fmt}]",
            mininterval=0.1 if terminal else LOG_INTERVAL_S,
            ascii=not terminal,
            disable=shard.rank > 0,
            file=sys.stderr,
        )

    def move(self, share: float) -> None:
        """Add a share, kept from rounding past the total."""
        self.update(min(share, self.total - self.n))


def find_weights(name: str) -> Path:
    """A file, or the weights of that name that travel with the package."""
    path = Path(name)
    return path if path.suffix or path.exists() else checkpoint.shipped(name)


def pick_device(wanted: str, shard: Shard) -> torch.device:
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise InputError("found no CUDA device: use --device cpu")
    return torch.device("cuda", shard.local_rank % torch.cuda.device_count())


def read_stages(args: argparse.Namespace, device: torch.device) -> tuple[list[Stage], list[Path]]:
    """The models in order, --weights first, and their files.

    Raises:
        InputError: weights that are not there, or --then with a bad number of steps.
    """
    first = find_weights(args.weights)
    chosen = ("sampler", "steps", "schedule", "eta", "temperature", "spread")
    options = {k: getattr(args, k) for k in chosen}
    shape = {"tile": args.tile, "overlap": args.overlap}
    stages = [Stage(checkpoint.load_model(first, device), **options, **shape)]
    files = [first]
    for text in args.then:
        name, _, steps = text.partition("@")
        if steps and not steps.isdigit():
            raise InputError(f"found --then {text!r}, wanted WEIGHTS or WEIGHTS@STEPS")
        files.append(find_weights(name))
        model = checkpoint.load_model(files[-1], device)
        stages.append(Stage(model, steps=int(steps) if steps else None, **shape))
    return stages, files


def resolve(
    args: argparse.Namespace, stages: list[Stage], files: list[Path], device: torch.device
) -> Settings:
    """Fill in the models' defaults and refuse what does not fit, before any work.

    Raises:
        InputError: a sampler, schedule, step count or sample count that cannot be.
    """
    if args.num_samples < 1 or args.batch_size < 1:
        raise InputError("found fewer than 1 for --num-samples or --batch-size: wanted 1 or more")
    described = [
        {"weights": path.name, "sha256": checkpoint.sha256(path)}
        | stage.resolved()
        | {k: getattr(stage, k) for k in ("eta", "tile", "overlap")}
        for stage, path in zip(stages, files, strict=True)
    ]
    plain = ("consistent", "seed", "num_samples", "mean", "compare")
    precision = resolve_precision(args.precision, device)
    return Settings(described, **{k: getattr(args, k) for k in plain}, precision=precision)


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sr3.sample", description=__doc__)
    add = parser.add_argument
    add("input", type=Path, metavar="IN")
    add("output", type=Path, metavar="OUT")
    add("--weights", default=DEFAULT_WEIGHTS, help="file or shipped name (default: %(default)s)")
    add(
        "--then", action="append", default=[], metavar="WEIGHTS[@STEPS]",
        help="upscale the result again with this model; may be repeated",
    )  # fmt: skip
    add("--sampler", choices=list(samplers.INFO), help="default: the model's")
    add("--steps", type=int, help="refinement steps (default: the model's)")
    add("--schedule", help="training, SHAPE:STEPS[:NUMBER...] or a file of sr3.search")
    add("--eta", type=float, help="fresh noise, 0 to 1 (ddim, dpmpp-2m)")
    add("--temperature", type=float, help="deviation of the noise, 0 to 2 (default: the model's)")
    add("--spread", type=float, help="0 the mean, 1 the sample (default: the model's)")
    add("--consistent", action="store_true", help="agree exactly with the input; off in the paper")
    add("--num-samples", type=int, default=1, metavar="K", help="samples of each picture")
    add("--mean", action="store_true", help="also write the mean of the samples (best PSNR)")
    add("--compare", action="store_true", help="also write a sheet: input, bicubic, samples")
    add("--seed", type=int, default=0)
    add("--tile", type=int, help="side of a window in output pixels (default: as trained)")
    add("--overlap", type=int, help="pixels that windows share (default: a quarter)")
    add("--batch-size", type=int, default=8, help="pictures, or windows of one, at once")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add("--precision", choices=CHOICES, default="auto", help="auto: bf16 where the device has it")
    add("--compile", action="store_true", help="compile the network first (pays on a GPU)")
    add("--skip-bad", action="store_true", help="report damaged pictures and go on")
    add("--overwrite", action="store_true", help="make everything again")
    return parser.parse_args(argv)


def place(args: argparse.Namespace) -> tuple[list[Source], Path, Path]:
    """(inputs, folder of the outputs, file of the settings)."""
    warn = lambda text: print(text, file=sys.stderr)  # noqa: E731
    if args.input.is_dir():
        if args.output.resolve() == args.input.resolve():
            raise InputError(f"found the input folder as OUT: {args.output}: name another")
        found = folder.sources(images.list_images(args.input), args.skip_bad, warn)
        return found, args.output, args.output / folder.SETTINGS
    if not args.input.is_file():
        raise InputError(f"found no picture or folder at {args.input}: check the name")
    source = folder.sources([args.input], False, warn)[0]
    if args.output.suffix.lower() == ".png":
        if args.output.resolve() == args.input.resolve():
            raise InputError(f"found the input as OUT: {args.output}: name another file")
        named = Source(source.path, args.output.stem, source.size)
        return [named], args.output.parent, args.output.with_suffix(".json")
    return [source], args.output, args.output / f"{source.name}.json"


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    shard = Shard.from_environment()
    found, out, settings_path = place(args)
    device = pick_device(args.device, shard)
    stages, files = read_stages(args, device)
    settings = resolve(args, stages, files, device)
    alone = not args.input.is_dir()
    folder.claim(settings_path, asdict(settings), overwrite=args.overwrite or alone)
    if args.compile:
        for stage in stages:
            stage.model.network.compile()
    if shard.rank == 0:
        print(json.dumps(asdict(settings)))
    run = Run(stages, settings, out, device, args.batch_size)
    if alone:
        records = sample_file(run, found[0])
    else:
        journal = folder.Journal(out, shard, fresh=args.overwrite)
        records = sample_folder(run, folder.batches(found, args.batch_size), shard, journal)
    print(outputs.summary(records) if records else "no picture for this process")
    return 0


if __name__ == "__main__":
    run_command(main)
