"""One simulated study as the table that a served study exports."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twoafc_server.formats.responses import HEADER
from twoafc_server.simulation.numbers import answer, answered, draw_effects
from twoafc_server.simulation.observers import Observers
from twoafc_server.simulation.plans import Design, Plan, allocate

FRAME_MS = 1000 / 60


@dataclass(frozen=True)
class Study:
    """Names of a simulated study.

    Attributes:
        rates: true fool rate in 0..1 by system.
        exposures_ms: requested exposures, dealt out to the participants in turn.
    """

    rates: Mapping[str, float]
    name: str = "simulated"
    task: str = "task2"
    exposures_ms: tuple[float, ...] = (3000.0,)


def simulate_rows(
    study: Study, observers: Observers, design: Design, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw one study; returns the columns of `HEADER`, one row per answered test trial.

    Those who abandon leave too few trials and are excluded by the usual rule (`incomplete`).
    """
    plan = allocate(design, 1, rng)
    effects = draw_effects(list(study.rates.values()), observers, design, 1, rng)
    fooled = answer(plan, effects, observers, rng)[0]
    reached = answered(plan, observers, rng)[0]
    frame = _frame(study, plan, fooled, rng)[reached.ravel()]
    complete = reached.all(axis=1)
    frame["excluded"] = (~complete[frame["slot"] - 1]).astype(int)
    frame["exclusion_reason"] = np.where(frame["excluded"] == 1, "incomplete", "")
    return pd.DataFrame(frame.reset_index(drop=True), columns=list(HEADER))


def _frame(
    study: Study, plan: Plan, fooled: NDArray[np.bool_], rng: np.random.Generator
) -> pd.DataFrame:
    people, trials = fooled.shape
    slot = np.repeat(np.arange(people), trials)
    position = np.tile(np.arange(trials), people)
    left, chosen = plan.model_left[0].ravel(), fooled.ravel()
    exposure = np.array(study.exposures_ms)[slot % len(study.exposures_ms)]
    return pd.DataFrame(
        {
            "study": study.name,
            "task": study.task,
            "participant": [f"sim-{study.task}-{number + 1:04d}" for number in slot],
            "slot": slot + 1,
            "trial": position + 1,
            "phase": "test",
            "position": position + 1,
            "image": [f"image{number:04d}" for number in plan.image[0].ravel()],
            "system": np.array(list(study.rates))[plan.system[0].ravel()],
            "side_model": np.where(left, "left", "right"),
            "chose": np.where(left == chosen, "left", "right"),
            "fooled": chosen.astype(int),
            "rt_ms": rng.lognormal(6.6, 0.5, len(slot)).round(1),
            "exposure_ms_requested": exposure,
            "exposure_ms_measured": (exposure + rng.normal(0, 2, len(slot))).round(2),
            "frames_dropped": (rng.random(len(slot)) < 0.01).astype(int),
            "hidden_ms": 0.0,
            "flags": "",
        }
    )
