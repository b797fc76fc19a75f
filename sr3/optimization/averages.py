"""Exponential moving averages of the weights with the power-function profile of EDM2.

A profile of relative width sigma_rel averages over a fixed share of the training so far, so no
half-life has to be chosen for a run's length (Karras et al. 2024, eqs. 3 and 121 to 126). From
snapshots of two such averages any other width can be made afterwards (`sr3.posthoc`).
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sr3.machine.processes import local

Float64 = npt.NDArray[np.float64]


def exponent_of(sigma_rel: float) -> float:
    """gamma of the profile t ** gamma that has relative standard deviation `sigma_rel`.

    sigma_rel^2 = (g + 1) / ((g + 2)^2 (g + 3)), solved for the largest real g.

    Raises:
        ValueError: sigma_rel outside (0, 0.28], where no profile exists.
    """
    if not 0 < sigma_rel <= 0.28:
        raise ValueError(f"found EMA width {sigma_rel}, wanted above 0 and at most 0.28")
    s = sigma_rel**-2
    roots = np.roots([1, 7, 16 - s, 12 - s])
    return float(roots.real.max())


def decay_at(step: int, exponent: float) -> float:
    """Weight of the old average at the update after `step` steps, step from 1."""
    return float((1 - 1 / step) ** (exponent + 1))


class Ema:
    """One average of a set of named weights, kept in float32, sharded as they are."""

    def __init__(self, weights: Iterable[tuple[str, Tensor]], sigma_rel: float) -> None:
        self.sigma_rel = sigma_rel
        self.exponent = exponent_of(sigma_rel)
        self.weights = {name: w.detach().float().clone() for name, w in weights}

    @property
    def name(self) -> str:
        """As in the names of files: `ema-0.05`."""
        return f"ema-{self.sigma_rel:g}"

    @torch.no_grad()
    def update(self, weights: Iterable[tuple[str, Tensor]], step: int) -> None:
        """Take in the weights after optimiser step `step`, counted from 1."""
        share = 1 - decay_at(step, self.exponent)
        mine, theirs = [], []
        for name, w in weights:
            mine.append(local(self.weights[name]))
            theirs.append(local(w.detach()).float())
        torch._foreach_lerp_(mine, theirs, share)


def correlation(steps_a: Float64, g_a: Float64, steps_b: Float64, g_b: Float64) -> Float64:
    """Inner product of two normalised profiles, each t ** g up to its own step; broadcasts.

    The integral over t of (g_a + 1) t^g_a / a^(g_a + 1) times (g_b + 1) t^g_b / b^(g_b + 1) from 0
    to min(a, b), in logarithms so that late steps do not overflow.
    """
    low = np.log(np.minimum(steps_a, steps_b))
    total = g_a + g_b + 1
    power = total * low - (g_a + 1) * np.log(steps_a) - (g_b + 1) * np.log(steps_b)
    result: Float64 = (g_a + 1) * (g_b + 1) / total * np.exp(power)
    return result


def mixture(snapshots: Sequence[tuple[int, float]], step: int, sigma_rel: float) -> Float64:
    """Weights of the snapshots whose sum lies nearest the profile of `sigma_rel` at `step`.

    Args:
        snapshots: (step, sigma_rel) of each; later ones than `step` must not be given.

    Returns:
        (n,) float64 that minimise the squared distance of the profiles; they add up to about 1.
    """
    steps = np.array([s for s, _ in snapshots], np.float64)
    exponents = np.array([exponent_of(width) for _, width in snapshots])
    gram = correlation(steps[:, None], exponents[:, None], steps, exponents)
    wanted = np.array(exponent_of(sigma_rel))
    projection = correlation(steps, exponents, np.array(float(step)), wanted)
    return np.asarray(np.linalg.lstsq(gram, projection, rcond=1e-13)[0], np.float64)
