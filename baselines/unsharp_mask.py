"""Unsharp masking: what a blur takes away is added once more."""

from collections.abc import Callable

import numpy as np

from baselines.protocol import SystemOptions
from baselines.shared.classical import Classical, degradation_of

RADIUS, AMOUNT = 2.0, 1.0  # pixels, and times the lost detail


def load(options: SystemOptions) -> Classical:
    """The system, for degradations that keep size and colours."""
    import skimage
    from skimage import filters

    degradation_of("unsharp_mask", options, channels=3)

    sharpen: Callable[..., np.ndarray] = filters.unsharp_mask

    def restore(picture: np.ndarray, _: np.ndarray | None) -> np.ndarray:
        return np.asarray(sharpen(picture, RADIUS, AMOUNT, channel_axis=2))

    how = {"radius": RADIUS, "amount": AMOUNT}
    return Classical("unsharp_mask", "unsharp masking, scikit-image", restore, skimage, how)
