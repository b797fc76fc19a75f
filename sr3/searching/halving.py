"""Successive halving: all candidates on few pictures, the better half on twice as many, and on."""

import sys
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from sr3.diffusion.schedule import Schedule
from sr3.networks.model import ModelSpec
from sr3.sampling.progress import LOG_INTERVAL_S
from sr3.searching.report import Trial
from sr3.searching.scores import Score
from sr3.searching.worker import Job, Task, submit_all

FIRST_RUNG = 12  # pictures: fewer make the Frechet distance a coin toss


@dataclass(frozen=True)
class Search:
    """One invocation: where features come from and how they are judged."""

    pool: Executor
    job: Job
    score: Score
    spec: ModelSpec

    def evaluate(self, chosen: list[tuple[str, Schedule]], count: int, label: str) -> list[float]:
        """Scores of (sampler, schedule) pairs on the first `count` pictures."""
        tasks = [Task(name, tuple(s.gamma.tolist()), count) for name, s in chosen]
        futures = submit_all(self.pool, self.job, [Task("", None, count), *tasks])
        truth = futures[0].result()
        bar: Iterable[int] = tqdm(
            range(len(tasks)), desc=label, unit="schedule", file=sys.stderr,
            mininterval=0.1 if sys.stderr.isatty() else LOG_INTERVAL_S,
        )  # fmt: skip
        return [self.score.value(futures[1 + i].result(), truth) for i in bar]

    def better_first(self, values: list[float]) -> list[int]:
        """Indices from the best value to the worst."""
        order = np.argsort(values, kind="stable")
        return [int(i) for i in (order[::-1] if self.score.higher_is_better else order)]


def rung_sizes(pictures: int, count: int) -> list[int]:
    """Pictures of each rung: doubling up to all of them, from `FIRST_RUNG` or more."""
    sizes = [pictures]
    while sizes[0] // 2 >= FIRST_RUNG and count >> len(sizes) >= 2:
        sizes.insert(0, sizes[0] // 2)
    return sizes


def halve(
    search: Search, sampler: str, steps: int, pool: list[Schedule], pictures: int
) -> tuple[Schedule, float, list[Trial]]:
    """Successive halving (Jamieson & Talwalkar 2016): the winner, its score, all trials."""
    left, trials = pool, []
    values: list[float] = []
    for rung, count in enumerate(rung_sizes(pictures, len(pool))):
        if rung:
            left = [left[i] for i in search.better_first(values)[: (len(left) + 1) // 2]]
        label = f"{steps} steps, {len(left)} schedules on {count} pictures"
        values = search.evaluate([(sampler, s) for s in left], count, label)
        trials += [Trial(steps, rung, s.name, count, v) for s, v in zip(left, values, strict=True)]
    best = search.better_first(values)[0]
    return left[best], values[best], trials
