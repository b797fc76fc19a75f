"""From rows to participants-by-images matrices that all systems of a task share."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from twoafc_server.analysis.estimation.crossed import Cells

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """Participants (rows) and images (columns) of a set of answers, in sorted order."""

    participants: tuple[str, ...]
    images: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """(S, I)."""
        return len(self.participants), len(self.images)

    def total(self, rows: pd.DataFrame, values: Iterable[float]) -> Floats:
        """Sum of `values` (one per row) in each cell, (S, I)."""
        code = self._codes(rows["participant"], self.participants) * len(self.images)
        code = code + self._codes(rows["image"], self.images)
        sums = np.bincount(code, weights=np.asarray(values, float), minlength=np.prod(self.shape))
        return sums.astype(np.float64).reshape(self.shape)

    def cells(self, rows: pd.DataFrame, success: Iterable[bool] | None = None) -> Cells:
        """Cells of `rows`; `success` (one per row) stands in for `fooled` where given."""
        hit = rows["fooled"] if success is None else success
        return Cells(self.total(rows, np.ones(len(rows))), self.total(rows, np.asarray(hit, float)))

    @staticmethod
    def _codes(names: pd.Series, known: tuple[str, ...]) -> NDArray[np.int64]:
        return np.asarray(pd.Categorical(names, categories=list(known)).codes, dtype=np.int64)


def grid_of(rows: pd.DataFrame) -> Grid:
    """The participants and images that occur in `rows`."""
    return Grid(tuple(sorted(set(rows["participant"]))), tuple(sorted(set(rows["image"]))))
