"""Spreads of people and images from a pilot study, for planning the real one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from twoafc_server.analysis.estimation.components import variance_components
from twoafc_server.analysis.estimation.grid import grid_of
from twoafc_server.analysis.reading.answers import Responses
from twoafc_server.base.errors import InputError
from twoafc_server.simulation.observers import Observers, spreads_from


@dataclass(frozen=True)
class Pilot:
    """Spreads of one system in one task, logits."""

    task: str
    system: str
    rate: float
    trials: int
    participant_sd: float
    image_sd: float


def read_pilot(responses: Responses) -> tuple[Pilot, ...]:
    """Spreads of every system and task of a pilot.

    Raises:
        InputError: no system has two participants, two images and unequal answers.
    """
    found = tuple(_pilots(responses))
    if not found:
        raise InputError(
            f"found no system with 2 participants, 2 images and unequal answers in "
            f"{responses.source.study}: such a pilot says nothing about spreads"
        )
    return found


def _pilots(responses: Responses) -> Iterator[Pilot]:
    kept = responses.kept
    for task in sorted(set(kept["task"])):
        for system in sorted(set(kept["system"][kept["task"] == task])):
            rows = kept[(kept["task"] == task) & (kept["system"] == system)]
            cells = grid_of(rows).cells(rows)
            rate = float(cells.rate)
            if min(cells.participants, cells.images) < 2 or rate in (0.0, 1.0):
                continue
            parts = variance_components(cells)
            if np.isnan([parts.participant, parts.image]).any():
                continue
            spreads = spreads_from(rate, parts.participant, parts.image)
            yield Pilot(task, system, rate, len(rows), spreads.participant_sd, spreads.image_sd)


def observers_like(pilots: tuple[Pilot, ...], base: Observers) -> Observers:
    """`base` with the pilots' spreads: root mean squares, weighted by trials."""
    weights = np.array([pilot.trials for pilot in pilots], dtype=float)
    people = np.array([pilot.participant_sd for pilot in pilots])
    images = np.array([pilot.image_sd for pilot in pilots])
    return replace(
        base,
        participant_sd=float(np.sqrt(np.average(people**2, weights=weights))),
        image_sd=float(np.sqrt(np.average(images**2, weights=weights))),
    )
