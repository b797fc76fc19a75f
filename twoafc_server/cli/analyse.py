"""`python -m twoafc_server analyse STUDY|BUNDLE|responses.csv`: rates, tables, pictures, report."""

import argparse
import os
from pathlib import Path
from typing import Any

from twoafc_server.analysis.analyse import Analysis, Settings, analyse
from twoafc_server.analysis.reading.answers import Source
from twoafc_server.analysis.reading.foreign import ToolOptions
from twoafc_server.analysis.reading.pictures import read_pictures
from twoafc_server.analysis.reading.published import default_key, published_for
from twoafc_server.analysis.reading.sources import load
from twoafc_server.analysis.writing.labels import interval, p_value, percent, task_name
from twoafc_server.analysis.writing.write import write_all
from twoafc_server.base.environment import DATABASE, DEFAULT_DATABASE
from twoafc_server.base.errors import program
from twoafc_server.cli.common import Parser

DEFAULT_MARGIN = 0.05


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = Parser(
        prog=f"{program()} analyse",
        description="Fool rates with intervals that treat participants and images as samples.",
    )
    add = made.add_argument
    add("what", help="a study's name, a sealed bundle (.zip), or a CSV file of answers")
    add("--out", type=Path, help="folder for tables, pictures and the report (default: none)")
    add(
        "--db",
        default=os.environ.get(DATABASE, DEFAULT_DATABASE),
        help="database URL for a study's name (default: %(default)s)",
    )
    add("--digest", help="the bundle's published digest: refuse any other")
    add("--stimuli", type=Path, help="stimulus folder, for the sheet of best and worst images")
    add(
        "--published",
        metavar="KEY",
        help="published study to print beside, or none (default: by the study's name)",
    )
    add(
        "--margin",
        type=float,
        help="equivalence margin around 0.5 (default: the protocol's, else 0.05)",
    )
    add("--level", type=float, default=0.95, help="coverage of intervals (default: %(default)s)")
    add("--draws", type=int, default=10_000, help="bootstrap draws (default: %(default)s)")
    add("--seed", type=int, default=0, help="of the bootstrap (default: %(default)s)")
    add("--mixed", action="store_true", help="also fit the mixed model by statsmodels")
    add(
        "--clicked",
        choices=("fake", "real"),
        default="fake",
        help="real-vs-fake tool files: what participants clicked (default: %(default)s)",
    )
    add(
        "--practice",
        type=int,
        default=10,
        help="real-vs-fake tool files: leading practice trials (default: %(default)s)",
    )
    return made


def main(argv: list[str]) -> int:
    """Run the command; 0 when the analysis was made."""
    args = parser().parse_args(argv)
    tool = ToolOptions(args.practice, args.clicked)
    responses = load(args.what, args.db, args.digest, tool)
    pictures = read_pictures(args.stimuli) if args.stimuli else None
    rates = published_for(args.published or default_key(_preset(responses.source)))
    analysis = analyse(responses, settings_of(args, responses.source))
    print(summary(analysis))
    if args.out:
        for path in write_all(analysis, args.out, rates, pictures):
            print(f"wrote {path}")
    return 0


def settings_of(args: argparse.Namespace, source: Source) -> Settings:
    """The settings of a command line; a margin of the locked protocol counts as declared."""
    declared = source.protocol.get("study_file", {}).get("rules", {}).get("equivalence_margin")
    chosen: dict[str, Any] = {"margin": DEFAULT_MARGIN}
    if args.margin is not None:
        chosen = {"margin": args.margin}
    if declared is not None and args.margin in (None, declared):
        chosen = {"margin": float(declared), "margin_origin": "declared in the protocol"}
    return Settings(level=args.level, draws=args.draws, seed=args.seed, mixed=args.mixed, **chosen)


def _preset(source: Source) -> str:
    return str(source.protocol.get("study_file", {}).get("name", source.study))


def summary(analysis: Analysis) -> str:
    """The rates as a few lines of text."""
    level = f"{100 * analysis.settings.level:g}"
    lines = [f"{analysis.source.study} ({analysis.source.kind})"]
    lines += [f"note: {note}" for note in analysis.source.notes]
    for task in analysis.tasks:
        lines.append(f"{task_name(task.task)}:")
        lines += [f"  note: {note}" for note in task.notes]
        for name, report in task.systems.items():
            top = report.rate.headline
            lines.append(
                f"  {name}: {percent(top.rate)} % {interval(top.low, top.high)} "
                f"({level} %, {top.method}; {report.rate.participants} participants, "
                f"{report.rate.images} images, {report.rate.trials} trials)"
            )
            if top.statement:
                lines.append(f"    {top.statement}")
        lines += [
            f"  {pair.first} - {pair.second}: {percent(pair.contrast.estimate)} points "
            f"{interval(pair.contrast.low, pair.contrast.high)}, Holm p {p_value(pair.p_holm)}"
            for pair in task.comparisons
        ]
    return "\n".join(lines)
