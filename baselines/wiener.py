"""Wiener deconvolution with the suite's own blur known: the classic of linear restoration."""

from collections.abc import Callable

import numpy as np
import torch

from baselines.protocol import SystemOptions
from baselines.shared.classical import Classical, degradation_of

BALANCE = 0.002  # weight of smoothness against agreement
REACH = 33  # side of the largest point spread function


def load(options: SystemOptions) -> Classical:
    """The system, for a blur whose parameters are fixed; InputError where it is not known."""
    import skimage
    from skimage import restoration

    chosen = degradation_of("wiener", options, channels=3)
    point = torch.zeros(1, 3, REACH, REACH, dtype=torch.float64)
    point[..., REACH // 2, REACH // 2] = 1
    spread = chosen.known(point)(point)[0, 0].numpy()

    deconvolve: Callable[..., np.ndarray] = restoration.wiener

    def restore(picture: np.ndarray, _: np.ndarray | None) -> np.ndarray:
        margin = REACH // 2  # so that the borders, which the filter joins, ring outside
        wide = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), mode="symmetric")
        planes = [deconvolve(wide[..., c], spread, BALANCE, clip=False) for c in range(3)]
        return np.stack(planes, axis=2)[margin:-margin, margin:-margin].clip(0, 1)

    how = {"balance": BALANCE, "degradation": chosen.id}
    return Classical("wiener", "Wiener deconvolution, scikit-image", restore, skimage, how)
