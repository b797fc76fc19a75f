"""Which inference schedule a run uses: named, from a file of `sr3.search`, or the model's own."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from sr3.base.errors import InputError
from sr3.base.files import write_text
from sr3.diffusion import samplers
from sr3.diffusion import schedule as schedules
from sr3.diffusion.schedule import Schedule
from sr3.networks.model import ModelSpec, training_schedule

FORMAT = "sr3bench-schedule"
VERSION = 1
TRAINING = "training"
INFERENCE = "inference"  # a model's own, extra["inference_schedule"], where it brings one
THINNED = ("ancestral", "posterior")  # samplers that walk the training schedule's steps
INFERENCE_KEY = "inference_schedule"
LAST_NOISE = 0.0125  # deviation left in a picture in [-1, 1] at t = 1: 1.6 of 255 levels
LOWEST_LOG_SNR = -9.0


def save(path: Path, schedule: Schedule, provenance: dict[str, Any]) -> None:
    """Write a schedule file."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        "name": schedule.name,
        "gamma": schedule.gamma.tolist(),
        "provenance": provenance,
    }
    write_text(path, json.dumps(content, indent=1) + "\n")


def load(path: Path) -> Schedule:
    """Read a file of `save`; InputError on anything else."""
    try:
        content = json.loads(path.read_text())
        if content["format"] != FORMAT or content["version"] > VERSION:
            raise ValueError(f"format {content['format']} {content['version']}")
        return Schedule(np.array(content["gamma"], dtype=np.float64), str(content["name"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"found no schedule in {path} ({error}): give a file of sr3.search"
        ) from error


def parse(text: str, spec: ModelSpec, steps: int) -> Schedule:
    """A schedule by name or file.

    Args:
        text: "training" (the training schedule at evenly chosen steps); "inference" (the same of a
            schedule that the model brings); SHAPE:STEPS[:NUMBER...]
            of `schedule.make`, where a star for STEPS stands for `steps`; or the path of a file.
        steps: what the user asked for.

    Raises:
        InputError: unknown, unreadable, or of another number of steps.
    """
    try:
        if text == TRAINING:
            return schedules.respace(training_schedule(spec), steps)
        if text == INFERENCE and INFERENCE_KEY in spec.extra:
            return schedules.spread(schedules.make(spec.extra[INFERENCE_KEY]), steps)
        if text.endswith(".json"):
            schedule = load(Path(text))
        else:
            schedule = schedules.make(text.replace("*", str(steps), 1))
    except ValueError as error:
        raise InputError(str(error)) from error
    if schedule.num_steps != steps:
        raise InputError(
            f"found schedule {text} of {schedule.num_steps} steps, wanted {steps}: "
            "leave out --steps or give another schedule"
        )
    return schedule


def steps_of(text: str | None) -> int | None:
    """Number of steps that a schedule text fixes by itself, or None."""
    if text is None or text in (TRAINING, INFERENCE):
        return None
    if text.endswith(".json"):
        return load(Path(text)).num_steps
    steps = text.split(":")[1] if ":" in text else "*"
    return int(steps) if steps.isdigit() else None


def even_log_snr(spec: ModelSpec) -> str:
    """Even log-SNR, ending where what noise is left in the picture hardly shows."""
    high = 2 * math.log((spec.residual_scale or 1.0) / LAST_NOISE)
    return f"logsnr:*:{high:.2f}:{LOWEST_LOG_SNR:g}"


def default(spec: ModelSpec, sampler: str) -> str:
    """Algorithm 2 and its like take the training schedule, thinned evenly, the others even log-SNR.

    A model's description may bring others: extra["inference_schedule"] and extra["schedule"].
    """
    if sampler in THINNED:
        return INFERENCE if INFERENCE_KEY in spec.extra else TRAINING
    return str(spec.extra.get("schedule", even_log_snr(spec)))


def resolved(
    spec: ModelSpec, sampler: str | None, steps: int | None, schedule: str | None, eta: float | None
) -> dict[str, str | float | None]:
    """Sampler, number of steps and schedule text of a run, the model's defaults filled in.

    Raises:
        InputError: a sampler, schedule or number that cannot be.
    """
    name = sampler or spec.sampler
    samplers.get(name, eta)
    count = choose(spec, name, steps, schedule).num_steps
    return {"sampler": name, "steps": count, "schedule": schedule or default(spec, name)}


def choose(
    spec: ModelSpec, sampler: str, steps: int | None, schedule: Schedule | str | None
) -> Schedule:
    """The schedule of a run: the given one, or the default of the sampler and the model."""
    if isinstance(schedule, Schedule):
        if steps is not None and steps != schedule.num_steps:
            raise InputError(f"found a schedule of {schedule.num_steps} steps, wanted {steps}")
        return schedule
    count = steps_of(schedule) or spec.steps if steps is None else steps
    if count < 1:
        raise InputError(f"found {count} steps, wanted 1 or more")
    return parse(schedule or default(spec, sampler), spec, count)
