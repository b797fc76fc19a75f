"""How much of an answer's variance is the participant's and how much the image's."""

from dataclasses import dataclass

import numpy as np

from twoafc_server.analysis.estimation.crossed import Cells, rate_variance


@dataclass(frozen=True)
class VarianceComponents:
    """Variances of one answer (0 or 1) on the probability scale, by the method of moments.

    Attributes:
        participant, image: covariance of two answers that share the participant, or the image.
            Unbiased, so that a small one can come out below 0.
        residual: what is left, chance included.
    """

    participant: float
    image: float
    residual: float


def variance_components(cells: Cells) -> VarianceComponents:
    """Both components from the mean product of residuals over pairs that share one factor.

    Residuals from the pooled rate are too small by that rate's own error, which is added back.
    cells: (S, I); a component without any pair is NaN.
    """
    rate, error = float(cells.rate), max(float(rate_variance(cells).raw), 0.0)
    residual = cells.fooled - rate * cells.count
    participant = _mean_product(residual, cells.count) + error
    image = _mean_product(residual.T, cells.count.T) + error
    return VarianceComponents(participant, image, rate * (1 - rate) + error - participant - image)


def _mean_product(residual: np.ndarray, count: np.ndarray) -> float:
    """Mean of residual products over pairs of one row in different columns."""
    products = (residual.sum(axis=1) ** 2).sum() - (residual**2).sum()
    pairs = (count.sum(axis=1) ** 2).sum() - (count**2).sum()
    return float(products / pairs) if pairs else float("nan")
