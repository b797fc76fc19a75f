"""The program `sr3`: `sr3 train`, `sr3 sample`, ... each equal to its `python -m sr3.COMMAND`."""

import sys

from sr3.base.commands import dispatch
from sr3.base.errors import run_command

COMMANDS = {
    "train": "train a model from a recipe",
    "sample": "super-resolve a picture or a folder",
    "generate": "generate pictures from noise",
    "cascade": "large pictures from noise, stage by stage",
    "search": "find inference schedules for a model",
    "shard": "make training shards of pictures",
    "info": "explain a weights file, a training state or a model size",
    "export": "turn weights of a run into a file to ship",
    "posthoc": "make averages of any width after a training",
}


def main(argv: list[str]) -> int:
    """Dispatch argv (without the program's name)."""
    return dispatch("sr3", "Train and sample SR3.", COMMANDS, argv)


def start() -> None:
    """Run as a program."""
    run_command(lambda: main(sys.argv[1:]))


if __name__ == "__main__":
    start()
