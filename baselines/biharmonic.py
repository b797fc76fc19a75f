"""Holes filled by the smoothest surface through their border (Damelin & Hoang 2018)."""

import numpy as np

from baselines.protocol import SystemOptions
from baselines.shared.classical import Classical, degradation_of


def load(options: SystemOptions) -> Classical:
    """The system, for masks."""
    import skimage
    from skimage.restoration import inpaint_biharmonic

    degradation_of("biharmonic", options, channels=4)

    def restore(picture: np.ndarray, missing: np.ndarray | None) -> np.ndarray:
        if missing is None or not missing.any():
            return picture
        filled = inpaint_biharmonic(picture, missing, channel_axis=2, split_into_regions=True)
        return np.asarray(filled).clip(0, 1)

    return Classical("biharmonic", "Damelin & Hoang 2018, scikit-image", restore, skimage)
