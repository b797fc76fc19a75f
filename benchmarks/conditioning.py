"""Which blur and noise of its input suit the second stage of the shipped face cascade.

    python benchmarks/conditioning.py --data TRAIN_FACES --out FOLDER [--setting blur=0.4,noise=0]

Every setting enlarges the same pictures of the face generator; the suite `ablation` judges the
chains against TRAIN_FACES, since a setting that is chosen must not be chosen on test pictures. The
same command goes on where it was stopped; the records lie in FOLDER/runs/ablation.
"""

import argparse
import sys
from pathlib import Path

from ablation import chain, reduced

from bench import run
from sr3.base.commands import Parser
from sr3.base.errors import run_command

SETTINGS = ("none", "blur=0.2", "blur=0.4", "blur=0.5", "noise=0.02")


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    training = reduced(args.data, args.out / "train", args.side)
    judged = ["--suite", "ablation", "--data", str(training), "--out", str(args.out / "runs")]
    for setting in args.setting or SETTINGS:
        name = setting.replace("=", "-").replace(",", "-")
        judged += ["--system", f"{name}={chain(args, name, stage(args.weights, setting))}"]
    return run.main([*judged, "--metrics", args.metrics])


def stage(weights: str, setting: str) -> str:
    """The second stage's part of a cascade's TOML file."""
    told = [] if setting == "none" else setting.replace("=", " = ").split(",")
    return "\n".join([f'weights = "{weights}"', *told, ""])


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(prog="benchmarks/conditioning.py", description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, action="append", required=True, help="folder of training faces")
    add("--out", type=Path, required=True, help="folder for all that is made")
    add("--setting", action="append", metavar="KEY=VALUE[,KEY=VALUE]",
        help=f"keys of a stage, or none; repeatable (default: {', '.join(SETTINGS)})")  # fmt: skip
    add("--generator", type=Path, default=Path("faces-generator"), help="shipped name or file")
    add("--weights", default="face8x-sr3", help="of the second stage (default: %(default)s)")
    add("--side", type=int, default=128, help="of the stage's pictures (default: %(default)s)")
    add("--n", type=int, default=400, help="generated faces (default: %(default)s)")
    add("--metrics", default="fd_efficientnet_lite0", help="(default: %(default)s)")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU if any")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    run_command(main)
