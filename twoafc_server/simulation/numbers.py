"""Simulated studies as pure numbers: the same observers as the HTTP and browser bots, no server."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twoafc_server.analysis.estimation.crossed import Cells
from twoafc_server.base.errors import InputError
from twoafc_server.simulation.observers import Observers, probability, solve_mu
from twoafc_server.simulation.plans import Design, Plan, allocate

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Effects:
    """Random effects of a batch of studies, logits.

    Attributes:
        mu: (systems,), the level of each system.
        participant: (batch, everyone, systems).
        image: (batch, images, systems).
    """

    mu: Floats
    participant: Floats
    image: Floats


def draw_effects(
    rates: Sequence[float],
    observers: Observers,
    design: Design,
    batch: int,
    rng: np.random.Generator,
) -> Effects:
    """Draw participants and images anew for each study of the batch; `rates` in 0..1 per system.

    Raises:
        InputError: not one rate per system of the design.
    """
    if len(rates) != design.systems:
        raise InputError(f"found {len(rates)} true rates, wanted one for {design.systems} systems")
    mu = np.array([solve_mu(rate, observers) for rate in rates])
    people = _correlated((batch, design.everyone, len(rates)), observers.shared, rng)
    images = _correlated((batch, design.images, len(rates)), observers.shared, rng)
    return Effects(mu, observers.participant_sd * people, observers.image_sd * images)


def _correlated(shape: tuple[int, int, int], shared: float, rng: np.random.Generator) -> Floats:
    """Standard normals with correlation `shared` along the last axis."""
    common = rng.standard_normal((*shape[:2], 1))
    return np.asarray(np.sqrt(shared) * common + np.sqrt(1 - shared) * rng.standard_normal(shape))


def answer(plan: Plan, effects: Effects, observers: Observers, rng: np.random.Generator) -> Bools:
    """Whether each trial of the plan fooled its participant, (batch, everyone, trials)."""
    batch = np.arange(plan.image.shape[0])[:, None, None]
    person = np.arange(plan.image.shape[1])[None, :, None]
    logit = (
        effects.mu[plan.system]
        + effects.participant[batch, person, plan.system]
        + effects.image[batch, plan.image, plan.system]
        + np.where(plan.model_left, observers.side_bias, -observers.side_bias)
    )
    return rng.random(logit.shape) < probability(logit, observers.lapse)


def answered(plan: Plan, observers: Observers, rng: np.random.Generator) -> Bools:
    """Which trials were reached: those who abandon leave before a uniformly random trial."""
    batch, everyone, trials = plan.image.shape
    leaves = rng.random((batch, everyone, 1)) < observers.abandonment
    last = rng.integers(0, trials, size=(batch, everyone, 1))
    return ~leaves | (np.arange(trials) < last)


def tabulate(plan: Plan, fooled: Bools, reached: Bools, design: Design) -> list[Cells]:
    """Cells of each system, (batch, everyone, images); `between` gives each its own rows."""
    batch, everyone, _ = plan.image.shape
    base = np.arange(batch * everyone).reshape(batch, everyone, 1) * design.images + plan.image
    shape = (batch, everyone, design.images)
    return [
        Cells(
            count=_histogram(base[chosen], shape),
            fooled=_histogram(base[chosen & fooled], shape),
        )
        for chosen in (reached & (plan.system == system) for system in range(design.systems))
    ]


def _histogram(code: NDArray[np.int64], shape: tuple[int, int, int]) -> Floats:
    counts = np.bincount(code.ravel(), minlength=int(np.prod(shape)))
    return counts.reshape(shape).astype(np.float64)


def simulate_cells(
    rates: Sequence[float],
    observers: Observers,
    design: Design,
    batch: int,
    rng: np.random.Generator,
) -> list[Cells]:
    """`batch` simulated studies, tabulated: one `Cells` of (batch, S, I) per system."""
    plan = allocate(design, batch, rng)
    effects = draw_effects(rates, observers, design, batch, rng)
    fooled = answer(plan, effects, observers, rng)
    return tabulate(plan, fooled, answered(plan, observers, rng), design)
