"""Load a served study with participants and say what it takes: requests a second, waiting times,
CPU seconds per participant, the knee, and whether any answer was lost or any place filled twice.

    python benchmarks/load.py --database postgres                        # a ladder, to the knee
    python benchmarks/load.py --participants 300 --exposure 3000 --database postgres
    python benchmarks/load.py --against main~20 --rounds 3               # two versions by turns

Server, database and generator run on this machine and speak over 127.0.0.1 only. With an exposure
of 300 ms (the default) a participant asks ten times as fast as a real one. `--against` takes a
commit or a folder; both versions then run by turns in every round, so that other work on the
machine meets both. Every level is a study of its own. Exit code 1 if anything was lost or failed.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from hosting.counting import WRONG, count
from hosting.participants import Pace, crowd
from hosting.service import TRIALS, Service, create, database, postgres, postmaster, tree_cpu

HERE = Path(__file__).parents[1]
KINDS = ("next", "picture", "onset", "answer", "page")
LIMIT_MS = 250.0
ARRIVE = 6  # people a second, with real exposures
LADDER = (15, 30, 60, 120, 240)


def arguments(argv):
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--participants", type=int, help="at once; without it a ladder is climbed")
    options.add_argument("--exposure", type=int, default=300, help="ms (default: %(default)s)")
    options.add_argument("--database", choices=("sqlite", "postgres", "both"), default="both")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--threads", type=int, default=8)
    options.add_argument("--ramp", type=float, help="seconds over which people arrive")
    options.add_argument("--against", help="a commit or folder to compare with, by turns")
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--json", type=Path, help="write all figures to this file")
    given = options.parse_args(argv)
    if given.participants is not None and not 1 <= given.participants <= 2000:
        options.error(f"found {given.participants} participants, wanted 1..2000")
    return given


@contextmanager
def checkout(against):
    """The folder of another version: itself, or a worktree of a commit that is removed again."""
    if Path(against).is_dir():
        yield Path(against).resolve()
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "before"
        git = ["git", "-C", str(HERE), "worktree"]
        subprocess.run([*git, "add", "-q", "--detach", str(place), against], check=True)
        try:
            yield place
        finally:
            subprocess.run([*git, "remove", "--force", str(place)], check=True)


class Bench:
    """Where levels run: a folder for SQLite files, or one embedded PostgreSQL server."""

    def __init__(self, kind, folder, stack):
        self.kind, self.folder, self.made = kind, folder, 0
        self.server = stack.enter_context(postgres(folder)) if kind == "postgres" else None

    def url(self):
        self.made += 1
        if self.server is None:
            return f"sqlite:///{self.folder / f'load-{self.made}.db'}"
        return database(self.server, f"load{self.made}")

    def cpu(self):
        return tree_cpu(postmaster(self.server)) if self.server else 0.0


def level(bench, version, people, given):
    """One study filled by `people` participants at once; a table of figures."""
    url = bench.url()
    create(version, url, "load", people, given.exposure)
    service = Service(version, url, given.workers, given.threads).start().wait()
    try:
        pace = Pace(pause=given.exposure / 3000)
        ramp = given.ramp if given.ramp is not None else max(1.0, pace.pause * people / ARRIVE)
        names = [f"p{number:04d}" for number in range(people)]
        before = service.cpu(), bench.cpu(), own_cpu(), time.perf_counter(), os.times()
        log, failed = asyncio.run(crowd(service.port, "load", names, pace, ramp))
        after = service.cpu(), bench.cpu(), own_cpu(), time.perf_counter(), os.times()
    finally:
        service.stop()
    spent = [b - a for a, b in zip(before[:4], after[:4], strict=True)]
    found = count(version, url, "load", log, failed)
    return {
        "participants": people,
        "at_once": log.at_once(),
        **timing(log),
        **cost(spent, max(1, len(log.codes))),
        **found,
        "failures": sorted(set(failed.values()))[:3],
    }


def own_cpu():
    return time.process_time()


def timing(log):
    """Requests a second over the middle 80 % of them, and percentiles by kind in ms."""
    begun = np.sort([t[1] for t in log.times])
    low, high = np.quantile(begun, (0.1, 0.9))
    table = {
        "requests_per_s": round(0.8 * len(begun) / (high - low), 1),
        "trials_per_s": round(0.8 * len(log.answers) / (high - low), 1),
        "requests": len(begun),
        "errors": sum(t[3] >= 400 for t in log.times) + log.lost,
        "refusals": Counter(f"{t[0]} {t[3]}" for t in log.times if t[3] >= 400),
    }
    for kind in KINDS:
        took = [1000 * t[2] for t in log.times if t[0] == kind]
        if took:
            table[kind] = [round(float(q), 1) for q in np.quantile(took, (0.5, 0.95, 0.99))]
    return table


def cost(spent, completed):
    """CPU seconds per completed participant, and the share of the wall time's cores."""
    server, base, generator, wall = spent
    return {
        "cpu_s_per_participant": {
            "server": round(server / completed, 3),
            "database": round(base / completed, 3),
            "generator": round(generator / completed, 3),
        },
        "cores": {
            "server": round(server / wall, 2),
            "database": round(base / wall, 2),
            "generator": round(generator / wall, 2),
        },
        "load_average": round(os.getloadavg()[0], 2),
    }


def line(name, f):
    """One level in one line."""
    spread = "  ".join(
        f"{kind} {'/'.join(f'{ms:.0f}' for ms in f[kind])}" for kind in KINDS if kind in f
    )
    cpu, cores = f["cpu_s_per_participant"], f["cores"]
    wrong = ", ".join(f"{key} {f[key]}" for key in WRONG if f[key]) or "nothing lost"
    return (
        f"{name:>14} {f['participants']:>4} people, {f['at_once']} at once: "
        f"{f['requests_per_s']:>6.1f} requests/s, {f['trials_per_s']:>5.1f} trials/s; "
        f"{spread} ms; CPU s each: server {cpu['server']}, database {cpu['database']}; "
        f"cores {cores['server']}+{cores['database']}+{cores['generator']}; "
        f"load {f['load_average']}; "
        f"errors {f['errors']} {dict(f['refusals']) or ''}; {wrong}"
    )


def worst_p99(figures):
    return max(figures[kind][2] for kind in KINDS[:4] if kind in figures)


def knee(rows):
    """What the ladder says: the last level with p99 within the limit, and what was used up."""
    good = [row for row in rows if worst_p99(row) <= LIMIT_MS]
    bad = [row for row in rows if worst_p99(row) > LIMIT_MS]
    peak = max(rows, key=lambda row: row["requests_per_s"])
    cores = peak["cores"]
    idle = (os.cpu_count() or 1) - sum(cores.values())
    what = (
        "the cores: no more than half of one was left"
        if idle < 0.5
        else f"not the cores of this machine, {idle:.1f} of which went to waiting or other work"
    )
    last = f"{good[-1]['participants']} at once" if good else "below the first level"
    first = f"passed at {bad[0]['participants']}" if bad else "not reached"
    return (
        f"p99 under {LIMIT_MS:.0f} ms up to {last}; {first}; most requests/s: "
        f"{peak['requests_per_s']} (server {cores['server']}, database {cores['database']}, "
        f"generator {cores['generator']} cores): limited by {what}"
    )


def run(given, versions, kind, stack):
    """All levels of one database: rows by version, after every level."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
    bench = Bench(kind, folder, stack)
    rows = {name: [] for name in versions}
    for people in [given.participants] if given.participants else LADDER:
        for _ in range(given.rounds):
            for name, place in versions.items():
                rows[name].append(level(bench, place, people, given))
                print(line(f"{kind} {name}", rows[name][-1]), flush=True)
                yield rows


def summary(kind, rows):
    for name, figures in rows.items():
        if len({row["participants"] for row in figures}) > 1:
            print(f"{kind} {name}: {knee(figures)}")
    if len(rows) == 2:
        for people in sorted({row["participants"] for row in rows["now"]}):
            print(f"{kind}, {people} at once, median: {compared(rows, people)}")


def compared(rows, people):
    def median(name, get):
        return float(np.median([get(r) for r in rows[name] if r["participants"] == people]))

    parts = []
    for what, get in {
        "requests/s": lambda r: r["requests_per_s"],
        "trials/s": lambda r: r["trials_per_s"],
        "worst p99 ms": worst_p99,
        "CPU s each": lambda r: sum(list(r["cpu_s_per_participant"].values())[:2]),
    }.items():
        then, now = median("before", get), median("now", get)
        parts.append(f"{what} {then:.3g} -> {now:.3g} ({now / then:.2f}x)")
    return ", ".join(parts)


def keep(given, found):
    if given.json:
        given.json.write_text(json.dumps({"exposure_ms": given.exposure, **found}, indent=1) + "\n")


def main(argv=None):
    given = arguments(argv)
    kinds = ("sqlite", "postgres") if given.database == "both" else (given.database,)
    found = {}
    with ExitStack() as stack:
        versions = {"now": HERE}
        if given.against:
            before = stack.enter_context(checkout(given.against))
            versions = {"before": before, "now": HERE}
        print(f"{TRIALS} trials each; next, picture, onset, answer, page: p50/p95/p99")
        for kind in kinds:
            with ExitStack() as inner:
                for rows in run(given, versions, kind, inner):
                    found[kind] = rows
                    keep(given, found)
            summary(kind, found[kind])
    rows = [row for by in found.values() for figures in by.values() for row in figures]
    return int(any(row[key] for row in rows for key in WRONG))


if __name__ == "__main__":
    sys.exit(main())
