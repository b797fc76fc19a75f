"""Exponential moving averages of the weights with the power-function profile of EDM2.

A profile of relative width sigma_rel averages over a fixed share of the training so far, so no
half-life has to be chosen for a run's length (Karras et al. 2024, eqs. 3 and 121 to 126).
"""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor


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
    """One average of a set of named weights, kept in float32."""

    def __init__(self, weights: Iterable[tuple[str, Tensor]], sigma_rel: float) -> None:
        self.sigma_rel = sigma_rel
        self.exponent = exponent_of(sigma_rel)
        self.weights = {name: w.detach().float().clone() for name, w in weights}

    @torch.no_grad()
    def update(self, weights: Iterable[tuple[str, Tensor]], step: int) -> None:
        """Take in the weights after optimiser step `step`, counted from 1."""
        share = 1 - decay_at(step, self.exponent)
        mine, theirs = [], []
        for name, w in weights:
            mine.append(self.weights[name])
            theirs.append(w.detach().float())
        torch._foreach_lerp_(mine, theirs, share)
