"""Table 6's two questions asked of a small cascade: blur of the second stage's input, L1 or L2.

    python benchmarks/ablation.py --data TRAIN_FACES --held-out TEST_FACES --out FOLDER

Trains the recipe ablation-faces-16-64 in three ways, each with the same seeds, pictures and steps:
as the paper ends (blur, L1), without blur, and with L2. Each enlarges the same pictures of the
face generator, and the suite `ablation` judges the chains, with bicubic beside them. Faces are
reduced to 64x64 by area. The same command goes on where it was stopped; the records lie in
FOLDER/runs/ablation.
"""

import argparse
import sys
from pathlib import Path

from bench.running.config import RunConfig, choose_device
from bench.running.plan import plan
from bench.running.runner import run
from bench.typesetting import text
from sr3.base.commands import Parser
from sr3.base.errors import InputError, run_command
from sr3.base.files import write_text
from sr3.cascading import run as cascading
from sr3.machine.options import RunOptions
from sr3.pictures.images import list_images, read_rgb, write_png
from sr3.pictures.resize import area_resize
from sr3.training import run as training
from sr3.training.config import build, read_recipe

SIDE = 64
ARMS = {
    "blur-l1": (),
    "plain-l1": ("augmentation.blur=0",),
    "blur-l2": ("loss_power=2",),
}


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    faces = reduced(args.data, args.out / "train")
    held_out = reduced(args.held_out, args.out / "held-out")
    chains = {"bicubic": chain(args, "bicubic", 'kind = "bicubic"\nscale = 4\n')}
    for seed in range(args.seeds):
        for arm, settings in ARMS.items():
            name = f"{arm}-{seed}"
            weights = trained(args, name, faces, (*settings, f"seed={seed}"))
            chains[name] = chain(args, name, f'weights = "{weights}"\nsteps = {args.steps}\n')
    return judged(args, "ablation", held_out, chains)


def judged(args: argparse.Namespace, suite: str, faces: Path, chains: dict[str, Path]) -> int:
    """Records of the chains' pictures beside real faces, in the run folder; 1 if one failed."""
    result = run(
        plan(
            RunConfig(
                suite=suite, data=faces, imports=chains, metrics=tuple(args.metrics.split(",")),
                out=args.out / "runs", device=choose_device(args.device),
            )
        )
    )  # fmt: skip
    if result is None:
        return 1
    print(f"\n{text.render(result.table)}\nrecords are in {result.folder}")
    return 1 if result.failed else 0


def reduced(folders: list[Path], out: Path, side: int = SIDE) -> Path:
    """Pictures of `folders` at `side`, named by folder and stem, in `out`."""
    for folder in folders:
        for path in list_images(folder):
            target = out / f"{folder.parent.name}-{path.stem}.png"
            if not target.exists():
                write_png(target, area_resize(read_rgb(path), (side, side)))
    return out


def trained(args: argparse.Namespace, name: str, data: Path, settings: tuple[str, ...]) -> Path:
    """Weights of one training, made or gone on with."""
    out = args.out / "trainings" / name
    asked = training.Run(
        config=build(read_recipe("ablation-faces-16-64"), [*settings, *args.set]),
        options=RunOptions(),
        data=[data],
        out=out,
        device=args.device,
        threads=args.threads,
        loggers=("none",),
    )
    if training.train(asked):
        raise InputError(f"training {name} stopped: give the same command again")
    return (out / "ema-0.05.safetensors").resolve()


def chain(args: argparse.Namespace, name: str, stage: str) -> Path:
    """The pictures of the generator and one stage."""
    config, out = args.out / "cascades" / f"{name}.toml", args.out / "pictures" / name
    generator = args.generator.resolve() if args.generator.is_file() else args.generator
    write_text(config, f'[generator]\nweights = "{generator}"\nkeep = false\n[[stage]]\n{stage}')
    cascading.make(cascading.Run(str(config), out, args.n, batch_size=32, device=args.device))
    return out


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(prog="benchmarks/ablation.py", description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, action="append", required=True, help="folder of training faces")
    add("--held-out", type=Path, action="append", required=True, help="folder of faces to judge by")
    add("--out", type=Path, required=True, help="folder for all that is made")
    add("--generator", type=Path, default=Path("faces-generator"), help="shipped name or file")
    add("--n", type=int, default=500, help="generated faces (default: %(default)s)")
    add("--seeds", type=int, default=2, help="trainings of each way (default: %(default)s)")
    add("--steps", type=int, default=16, help="of the stage (default: %(default)s)")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="of every training")
    add("--metrics", default="fd_efficientnet_lite0", help="(default: %(default)s)")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU if any")
    add("--threads", type=int, help="CPU threads of a training (default: PyTorch's)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    run_command(main)
