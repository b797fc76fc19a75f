"""Break the study server in mid-load, again and again, and count afterwards.

    python benchmarks/drill.py --rounds 20
    python benchmarks/drill.py --faults away,full --rounds 3 --database sqlite

Each round is a study of its own with `--participants` people at once; in the middle of it one thing
goes wrong: the database goes away (shut down, crashed or killed), stalls, takes no writes, or has
a full disk; a worker or the master of the server is killed; requests are lost, duplicated, late or
out of order; the machine's clock jumps by hours. People behave as the page's script does: they
repeat a request with growing pauses and keep an answer until it is acknowledged, some of them
through a reload of the page. Afterwards every acknowledged answer must be there exactly once,
`check` must pass, and everybody must have a completion code. Exit code 1 if not.

Everything listens on 127.0.0.1 or a socket only. A full disk needs the right to mount a small
tmpfs, without which that fault is left out and named.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from hosting.counting import WRONG, count
from hosting.faults import ACTS, NETWORKS, Network, Scene, locked, mounted
from hosting.participants import Log, Pace, Participant
from hosting.service import Service, create, database, postgres

HERE = Path(__file__).parents[1]
WITHOUT_POSTGRES = ("away", "read-only")


def arguments(argv):
    every = (*ACTS, *NETWORKS)
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--rounds", type=int, default=20, help="of each fault")
    options.add_argument("--faults", default=",".join(every), help="default: %(default)s")
    options.add_argument("--participants", type=int, default=12, help="at once, in each round")
    options.add_argument("--exposure", type=int, default=200, help="ms")
    options.add_argument("--database", choices=("postgres", "sqlite"), default="postgres")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--json", type=Path, help="write what was counted to this file")
    given = options.parse_args(argv)
    given.faults = given.faults.split(",")
    unknown = [name for name in given.faults if name not in every]
    if unknown or not 1 <= given.participants <= 200:
        options.error(f"wanted faults among {', '.join(every)} and 1..200 participants")
    return given


class Place:
    """One database and one server for all rounds."""

    def __init__(self, given, stack):
        self.given = given
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.small = mounted(self.folder)
        if self.small:
            stack.callback(subprocess.run, ["umount", "-l", str(self.folder)], check=False)
        self.clock = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "shift"
        self.clock.write_text("0")
        self.base = None
        if given.database == "postgres":
            self.base = stack.enter_context(postgres(self.folder))
            self.url = database(self.base, "drill")
        else:
            self.url = f"sqlite:///{self.folder / 'drill.db'}"
        create(HERE, self.url, "first", 4, 200)
        self.service = Service(HERE, self.url, clock=self.clock).start().wait()
        stack.callback(self.service.stop)

    def left_out(self, fault):
        """Why a fault cannot be had here; empty if it can."""
        if fault == "full" and not self.small:
            return "no right to mount a small disk"
        if self.base is None and fault in WITHOUT_POSTGRES:
            return "SQLite has no server of its own"
        return ""


async def round_of(place, fault, number):
    """One study, one fault: the log, and who failed and why."""
    given, seed = place.given, f"{place.given.seed}-{fault}-{number}"
    name = f"{fault}-{number}"
    network = Network(fault, seed) if fault in NETWORKS else None
    pace = Pace(given.exposure / 3000, network=network, reloads=True)
    log, failed = Log(), {}

    async def one(person):
        await asyncio.sleep(random.uniform(0, 1))
        try:
            await Participant(place.service.port, name, person, log, pace, seed).take_part()
        except Exception as error:
            failed[person] = f"{type(error).__name__}: {error}"

    people = [asyncio.create_task(one(f"p{n}")) for n in range(given.participants)]
    struck = None
    if fault in ACTS:
        scene = Scene(place.service, place.base, place.folder, place.url, place.clock, seed)
        await asyncio.sleep(scene.random.uniform(0.5, 4))
        struck = len(log.codes), sum(not person.done() for person in people)
        act = locked if fault == "slow" and place.base is None else ACTS[fault]
        await act(scene)
    await asyncio.gather(*people)
    if network is not None:
        await asyncio.gather(*network.tasks)
    return replace(log), failed, struck


def run(place, fault, number):
    """One round: what was counted, and whether nothing is wrong."""
    create(HERE, place.url, f"{fault}-{number}", place.given.participants, place.given.exposure)
    begun = time.perf_counter()
    log, failed, struck = asyncio.run(round_of(place, fault, number))
    took = time.perf_counter() - begun
    found = count(HERE, place.url, f"{fault}-{number}", log, failed)
    refused = sum(t[3] >= 500 for t in log.times)
    wrong = {key: found[key] for key in WRONG if found[key]}
    good = not wrong and found["completed"] == place.given.participants
    what = "all there once" if good else f"WRONG: {wrong} {sorted(set(failed.values()))[:2]}"
    amid = f", struck with {struck[1]} under way" if struck else ""
    print(
        f"{fault:>10} {number:>3}: {found['acknowledged']} answers, {found['completed']} codes in "
        f"{took:.1f} s; {refused} put off, {log.lost} without a reply{amid}; {what}; flags "
        f"{found['flags']}",
        flush=True,
    )
    counted = {key: found[key] for key in ("acknowledged", "completed", *WRONG)}
    return {
        "fault": fault, "good": int(good), **counted, "put_off": refused, "without_reply": log.lost,
        "under_way": struck[1] if struck else None, "seconds": round(took, 1),
        "marked": marked(found["flags"]),
    }  # fmt: skip


def main(argv=None):
    given = arguments(argv)
    rounds, left_out = [], []
    with ExitStack() as stack:
        place = Place(given, stack)
        for fault in given.faults:
            reason = place.left_out(fault)
            if reason:
                left_out.append(f"{fault} ({reason})")
                continue
            for number in range(given.rounds):
                rounds.append(run(place, fault, number))
                keep(given, rounds)
    good = sum(one["good"] for one in rounds)
    left = f"; left out: {', '.join(left_out)}" if left_out else ""
    print(f"{good} of {len(rounds)} rounds good{left}")
    return int(good < len(rounds))


def marked(flags):
    """Answers whose flags say that they were sent again, or that the clocks disagree."""
    return sum(n for words, n in flags.items() if {"resent", "clock"} & set(words.split(";")))


def keep(given, rounds):
    """Writes a line per fault: sums over its rounds."""
    if given.json is None:
        return
    lines = {}
    for one in rounds:
        line = lines.setdefault(one["fault"], Counter())
        line.update({key: value or 0 for key, value in one.items() if key != "fault"}, rounds=1)
    about = {"database": given.database, "participants": given.participants}
    given.json.write_text(json.dumps({**about, "faults": lines}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
