"""The expensive part of a schedule search: pictures and their features, kept on disk."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sr3.base.errors import InputError
from sr3.base.rng import generator_of
from sr3.diffusion.schedule import Schedule
from sr3.networks import checkpoint
from sr3.networks.model import ModelSpec
from sr3.pictures import images
from sr3.sampling import upscaling
from sr3.sampling.upscaling import degradation_of
from sr3.searching import scores
from sr3.searching.space import key_of

BATCH = 8

Gamma = tuple[float, ...]


@dataclass(frozen=True)
class Setting:
    """What decides the features of a schedule, beside the schedule and the sampler."""

    weights_sha256: str
    pictures_sha256: str
    consistent: bool
    seed: int
    precision: str
    score: str


@dataclass(frozen=True)
class Job:
    """What a worker process needs to begin; small, so it travels with every task."""

    setting: Setting
    weights: Path
    pictures: tuple[Path, ...]
    cache: Path
    device: str


@dataclass(frozen=True)
class Task:
    """Features wanted: of `count` pictures by this sampler and schedule; gamma None is truth."""

    sampler: str
    gamma: Gamma | None
    count: int


class Worker:
    """One process's model, score and pictures.

    It uses one thread, so that results do not depend on the number of workers.
    """

    def __init__(self, job: Job) -> None:
        torch.set_num_threads(1)
        self.job = job
        self.model = checkpoint.load_model(job.weights, job.device)
        self.score = scores.load(job.setting.score)
        self.hr = np.stack([images.read_rgb(p) for p in job.pictures])
        lr = degraded(self.model.spec, images.from_uint8(self.hr.copy()), job.setting.seed)
        self.lr = images.from_uint8(images.to_uint8(lr))

    def features(self, task: Task) -> np.ndarray:
        """(task.count, d), of which only those not yet on disk are computed."""
        path = self.job.cache / f"{key_of(asdict(self.job.setting), task.sampler, task.gamma)}.npy"
        known = [np.load(path)] if path.is_file() else []
        start = sum(map(len, known))
        if start < task.count:
            known.append(self.score.features(self._pictures(task, start)))
            _save(path, np.concatenate(known))
        rows: np.ndarray = np.concatenate(known)[: task.count]
        return rows

    def _pictures(self, task: Task, start: int) -> np.ndarray:
        if task.gamma is None:
            return self.hr[start : task.count]
        schedule = Schedule(np.array(task.gamma), "candidate")
        firsts = range(start, task.count, BATCH)
        made = [self._sample(task, schedule, i, min(i + BATCH, task.count)) for i in firsts]
        return np.concatenate(made)

    def _sample(self, task: Task, schedule: Schedule, first: int, last: int) -> np.ndarray:
        setting = self.job.setting
        lr: Tensor = self.lr[first:last].to(self.job.device)
        generators = [generator_of(setting.seed, "search", i) for i in range(first, last)]
        sr = upscaling.upscale(
            self.model, lr, generators, task.sampler, precision=setting.precision,
            schedule=schedule, consistent=setting.consistent,
        )  # fmt: skip
        return images.to_uint8(sr)


def degraded(spec: ModelSpec, hr: Tensor, seed: int) -> Tensor:
    """The pictures (B, 3, H, W) as the model is given them, what is random keyed by their place."""
    generators = [generator_of(seed, "search", "degradation", i) for i in range(len(hr))]
    chosen = degradation_of(spec)
    return chosen.draw((hr.shape[-2], hr.shape[-1]), generators).degraded(hr)


def _save(path: Path, rows: np.ndarray) -> None:
    aside = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        with aside.open("wb") as opened:
            np.save(opened, rows)
        aside.replace(path)
    except OSError as error:
        raise InputError(f"could not write {path} ({error}): free space") from error
    finally:
        aside.unlink(missing_ok=True)


@lru_cache(maxsize=1)
def worker_of(job: Job) -> Worker:
    """The worker of this process, made at its first task."""
    return Worker(job)


def compute(job: Job, task: Task) -> np.ndarray:
    """Run a task in this process."""
    return worker_of(job).features(task)


@contextmanager
def executor(workers: int) -> Iterator[Executor]:
    """One thread, or processes started afresh, because torch's threads do not survive a fork.

    An error or Ctrl-C drops the tasks that have not begun.
    """
    pool: Executor = ThreadPoolExecutor(1)
    if workers > 1:
        pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def submit_all(pool: Executor, job: Job, tasks: Sequence[Task]) -> list[Future[np.ndarray]]:
    """Futures of the features, in order."""
    return [pool.submit(compute, job, task) for task in tasks]
