"""Settings of the second stage of the shipped face cascade, judged on the same generated faces.

    python benchmarks/chains.py --data FACES --out FOLDER [--setting blur=0.4 --setting noise=0.02]
    python benchmarks/chains.py --data FACES --out FOLDER --suite steps --setting 50+4:steps=4

A setting is keys of a stage of the cascade's TOML file, with a name before a colon if it wants
one. FACES are training faces where a setting is to be chosen: test pictures are for the end. The
same command goes on where it was stopped; the records lie in FOLDER/runs/SUITE.
"""

import argparse
import sys
from pathlib import Path

from ablation import chain, judged, reduced

from sr3.base.commands import Parser
from sr3.base.errors import run_command

STAGE = {  # as in the shipped cascade
    "start": '"noise"', "steps": "8", "schedule": '"logsnr:*:3.5:-6:1.2"',
    "temperature": "0.9", "spread": "0.8",
}  # fmt: skip
SETTINGS = ("none:", "blur=0.2", "blur=0.3", "blur=0.4", "blur=0.5", "noise=0.02")


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    faces = reduced(args.data, args.out / "faces", args.side)
    chains = {}
    for setting in args.setting or SETTINGS:
        name, keys = named(setting)
        told = STAGE | dict(key.split("=", 1) for key in keys.split(",") if key)
        lines = "".join(f"{key} = {value}\n" for key, value in told.items())
        chains[name] = chain(args, name, f'weights = "{args.weights}"\n{lines}')
    return judged(args, args.suite, faces, chains)


def named(setting: str) -> tuple[str, str]:
    """Name and keys of NAME:KEY=VALUE,... or of KEY=VALUE,..., which is called after itself."""
    name, colon, keys = setting.partition(":")
    return (name, keys) if colon else (setting.replace("=", "-").replace(",", "-"), setting)


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(prog="benchmarks/chains.py", description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, action="append", required=True, help="folder of faces to judge by")
    add("--out", type=Path, required=True, help="folder for all that is made")
    add("--setting", action="append", metavar="[NAME:]KEY=VALUE,...",
        help=f"repeatable (default: {' '.join(SETTINGS)})")  # fmt: skip
    add("--suite", choices=("ablation", "steps"), default="ablation", help="(default: %(default)s)")
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
