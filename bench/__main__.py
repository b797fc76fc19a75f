"""The program `sr3bench`: `sr3bench run`, ... each equal to its `python -m bench.COMMAND`."""

import sys

from sr3.base.commands import dispatch
from sr3.base.errors import run_command

COMMANDS = {
    "run": "run a suite: images of every system, metrics, records, tables",
    "check": "check a folder of another system's outputs",
    "compare": "compare systems on the same images, with paired tests",
    "nearest": "generated pictures beside their nearest training pictures",
    "groups": "every metric by group of images",
    "tables": "tables from records, in LaTeX",
    "report": "one self-contained HTML page of a run",
    "explain": "why a number differs from a published one",
    "study": "make the stimuli of a human study from a run",
    "humans": "a study's fool rates beside the metrics of a run",
    "data": "the images of the suites: list, verify or prepare them",
    "weights": "weights of metrics: where they lie, and whether they are the right ones",
    "reference": "reference statistics of a large image set for fid_ref",
}


def main(argv: list[str]) -> int:
    """Dispatch argv (without the program's name)."""
    return dispatch("bench", "Measure super-resolution systems.", COMMANDS, argv)


def start() -> None:
    """Run as a program."""
    run_command(lambda: main(sys.argv[1:]))


if __name__ == "__main__":
    start()
