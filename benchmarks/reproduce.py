"""docs/reproduce.md: every table and figure of the paper, its cost, and our small version of it.

    python benchmarks/reproduce.py           # writes the page from kept runs and counted operations
    python benchmarks/reproduce.py --check   # only says whether it differs, exit 1
    python benchmarks/reproduce.py --count   # counts the operations of every model size again

Costs are computed, not measured: operations of one picture (`results/flops.json`, by `sr3.info`'s
way of counting) times pictures, over what one GPU does in an hour. What stands on the page for each
table and figure is in `reproduce.toml`.
"""

import argparse
import textwrap
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bench.documents.kept_tables import opener
from bench.typesetting import markdown
from bench.typesetting.markdown import Choice
from sr3.base.commands import Parser
from sr3.base.errors import InputError, run_command
from sr3.base.files import read_json, write_json, write_text

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reproduce.md"
COUNTED = ROOT / "results" / "flops.json"
KEPT = ROOT / "results" / "models"
ENTRIES = Path(__file__).with_suffix(".toml")
WIDTH = 110  # of a line of the page, where it can be broken
PEAK, SHARE = 989e12, 0.4  # H100 SXM, dense bf16; of which a well-run training gets so much
FORWARD = 1 / 3  # of forward and backward
PENDING = "*not yet measured*"
REAL = "Real pictures"  # row of a run without pairs


@dataclass(frozen=True)
class Work:
    """Something that costs: training a recipe, or sampling pictures of a model size in steps."""

    kind: Literal["train", "sample"]
    what: str
    pictures: int = 0
    steps: int = 0


@dataclass(frozen=True)
class Shown:
    """A kept table: `SET/SUITE`, or a suite's name for every kept run of it; with what of it."""

    words: str
    name: str
    columns: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One table or figure: needs in words, commands at full scale, and the small version."""

    title: str
    needs: str
    full: str
    small_words: str
    small: str = ""
    shown: Sequence[Shown] = ()
    work: Sequence[Work] = ()


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page, or check it; 1 when it differs."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say whether the page differs")
    parser.add_argument("--count", action="store_true", help="count operations again (minutes)")
    options = parser.parse_args(argv)
    if options.count:
        count_again()
        return 0
    wanted = page()
    differs = not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != wanted
    if differs and not options.check:
        write_text(PAGE, wanted)
    print(f"{PAGE.name} {'differs' if differs and options.check else 'is as it should be'}")
    return 1 if differs and options.check else 0


def page() -> str:
    """The whole page."""
    rows = "\n".join(training_rows())
    head = read_entries()["head"].format(rate=PEAK * SHARE / 1e12, share=SHARE, rows=rows)
    return head + "".join(section(entry) for entry in entries())


def entries() -> list[Entry]:
    """What the page is about."""
    return [_entry(content) for content in read_entries()["entry"]]


def read_entries() -> dict[str, Any]:
    """The file beside this one."""
    return tomllib.loads(ENTRIES.read_text(encoding="utf-8"))


def _entry(content: Mapping[str, Any]) -> Entry:
    work = [Work(**each) for each in content.get("work", ())]
    shown = [Shown(**each) for each in content.get("shown", ())]
    return Entry(**{**content, "work": work, "shown": shown})


def training_rows() -> Iterator[str]:
    """A line per recipe of the paper."""
    for path in sorted((ROOT / "sr3" / "recipes").glob("paper-*.toml")):
        recipe, counted = tomllib.loads(path.read_text(encoding="utf-8")), counts()
        of = counted[recipe["preset"]]
        work = Work("train", path.stem)
        yield (
            f"| `{path.stem}` | {of['weights'] / 1e6:.1f} | {of['flops'] / 1e9:,.0f} | "
            f"{recipe['steps'] * recipe['batch_size'] / 1e6:,.0f} M | {hours(work):,.0f} |"
        )


def section(entry: Entry) -> str:
    """One table or figure."""
    needs = entry.needs
    if entry.work:
        needs += f" Computed cost: {', '.join(map(cost, entry.work))}."
    parts = [f"\n## {entry.title}\n\n{wrapped(needs)}\n\n```sh\n{entry.full}\n```\n"]
    parts.append(f"\n{wrapped(f'The small version here: {entry.small_words}')}\n")
    if entry.small:
        parts.append(f"\n```sh\n{entry.small}\n```\n")
    parts += [f"\n{result(shown)}\n" for shown in entry.shown]
    return "".join(parts)


def wrapped(text: str) -> str:
    """A paragraph in lines of WIDTH."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def cost(work: Work) -> str:
    """Such as `training paper-faces-16-128 292 GPU-hours`."""
    if work.kind == "train":
        return f"training `{work.what}` {hours(work):,.0f} GPU-hours"
    named = f"{work.pictures:,} pictures of `{work.what}` in {work.steps} steps"
    spent = hours(work)
    return f"{named} {spent:,.1f} GPU-hours" if spent >= 0.05 else f"{named} under 0.1 GPU-hours"


def hours(work: Work) -> float:
    """GPU-hours by the operations."""
    if work.kind == "train":
        path = ROOT / "sr3" / "recipes" / f"{work.what}.toml"
        recipe = tomllib.loads(path.read_text(encoding="utf-8"))
        total = counts()[recipe["preset"]]["flops"] * recipe["steps"] * recipe["batch_size"]
    else:
        total = counts()[work.what]["flops"] * FORWARD * work.pictures * work.steps
    return float(total / (PEAK * SHARE) / 3600)


def counts() -> dict[str, dict[str, int]]:
    """Weights and operations of a picture by preset."""
    found: dict[str, dict[str, int]] = read_json(COUNTED)["presets"]
    return found


def count_again() -> None:
    """Count on fake tensors and write `results/flops.json`."""
    from sr3.machine.memory import requirement
    from sr3.networks.presets import PRESETS

    content, presets = read_json(COUNTED), {}
    for name in counts():
        need = requirement(PRESETS[name], averages=2)
        presets[name] = {"weights": need.weights, "flops": need.flops}
        print(f"{name}: {need.flops:,}", flush=True)
    write_json(COUNTED, content | {"presets": presets})


def result(shown: Shown) -> str:
    """What kept runs say, or that none does; sets of another name are looked for by suite."""
    names = [shown.name] if "/" in shown.name else kept_under(shown.name)
    tables = [found for name in names if (found := _table(name, shown)) is not None]
    return "\n\n".join(tables) if tables else f"{shown.words}: {PENDING}."


def kept_under(suite: str) -> list[str]:
    """Names of kept runs of a suite, or of kept measurements of that name, on whatever set."""
    runs = [path.parent for path in KEPT.glob(f"*/{suite}/results.json")]
    lone = [path.with_suffix("") for path in KEPT.glob(f"*/{suite}.json")]
    return sorted(str(path.relative_to(KEPT)) for path in (*runs, *lone))


def _table(name: str, shown: Shown) -> str | None:
    try:
        table = opener(KEPT)(name)
    except InputError:
        return None
    there = {column.metric for column in table.columns}
    rows = markdown.rows_of(table)
    columns = {key: title for key, title in shown.columns.items() if key in there}
    chosen = {key: title for key, title in shown.rows.items() if key in rows}
    if not chosen and REAL in rows:  # whose number of pictures is not the others'
        chosen = dict.fromkeys((key for key in rows if key != REAL), "")
    choice = Choice(f"{name} (N = {{n}})", columns, chosen)
    printed = f"{_marked(name, choice)}\n\n{markdown.render(table, choice)}\n\n<!-- end -->"
    return f"{shown.words}:\n\n{printed}"


def _marked(name: str, choice: Choice) -> str:
    """The comment that `bench.tables --markdown` fills and checks the table by."""
    lines = [f"<!-- table: {name}", f"head: {choice.head}"]
    for key, listed in (("columns", choice.columns), ("rows", choice.rows)):
        if listed:
            asked = (f"{k} = {title}" if title else k for k, title in listed.items())
            lines.append(f"{key}: {'; '.join(asked)}")
    return "\n".join([*lines, "-->"])


if __name__ == "__main__":
    run_command(main)
