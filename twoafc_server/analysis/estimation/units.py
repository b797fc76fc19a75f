"""Tables of single images and single participants: raw, shrunken, and what chance alone shows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from twoafc_server.analysis.estimation.shrinkage import Prior, chance_range, fit_prior, shrink


@dataclass(frozen=True)
class UnitTable:
    """Rates of all images, or all participants, of one system.

    Attributes:
        table: one row per unit: name, answers, fooled, rate (raw), shrunk, low, high; rates 0..1.
        prior: the fitted beta prior the rates were shrunk towards.
        chance: expected lowest and highest raw rate if all units were alike.
    """

    table: pd.DataFrame
    prior: Prior
    chance: tuple[float, float]


def image_table(rows: pd.DataFrame, level: float = 0.95) -> UnitTable:
    """Per-image rates of one system's answers."""
    return _table(rows, "image", level)


def participant_table(rows: pd.DataFrame, level: float = 0.95) -> UnitTable:
    """Per-participant rates of one system's answers."""
    return _table(rows, "participant", level)


def _table(rows: pd.DataFrame, unit: str, level: float) -> UnitTable:
    grouped = rows.groupby(unit, sort=True)["fooled"]
    count = np.asarray(grouped.size(), dtype=np.float64)
    fooled = np.asarray(grouped.sum(), dtype=np.float64)
    prior = fit_prior(fooled, count)
    posterior = shrink(fooled, count, prior, level)
    table = pd.DataFrame(
        {
            unit: list(grouped.groups),
            "answers": count.astype(int),
            "fooled": fooled.astype(int),
            "rate": fooled / count,
            "shrunk": posterior.rate,
            "low": posterior.low,
            "high": posterior.high,
        }
    )
    return UnitTable(table, prior, chance_range(float(fooled.sum() / np.sum(count)), count))
