"""Explain a checkpoint or a model size: `python -m sr3.info FILE` or `--preset NAME`.

For a weights file or a training state: what it is, the network, how it was trained and how far. For
a preset: weights, and the memory that training takes by batch, computed on the meta device.
"""

import argparse
import json
from pathlib import Path

from sr3.base.commands import Parser, program
from sr3.base.errors import InputError, run_command


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(prog=program("sr3.info"), description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", help="weights or a training state")
    parser.add_argument("--preset", help="a model size instead of a file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    from sr3.machine.memory import describe_preset
    from sr3.networks.description import describe

    if (args.file is None) == (args.preset is None):
        raise InputError("found no FILE and no --preset or both, wanted one")
    lines = describe(args.file) if args.file else describe_preset(args.preset)
    if args.json:
        print(json.dumps(lines, indent=2, default=str))
    else:
        for name, value in lines.items():
            print(f"{name:22} {value}")
    return 0


if __name__ == "__main__":
    run_command(main)
