"""Holes filled from their border inwards (Telea 2004), by OpenCV."""

from importlib import import_module

import numpy as np

from baselines.protocol import SystemOptions, UnavailableError
from baselines.shared.classical import Classical, degradation_of

RADIUS = 3  # pixels around each that are looked at


def load(options: SystemOptions) -> Classical:
    """The system, for masks; UnavailableError without OpenCV."""
    try:
        cv2 = import_module("cv2")
    except ImportError as error:
        raise UnavailableError("OpenCV is not here: pip install 'sr3bench[opencv]'") from error
    degradation_of("telea", options, channels=4)

    def restore(picture: np.ndarray, missing: np.ndarray | None) -> np.ndarray:
        if missing is None:
            return picture
        levels = np.ascontiguousarray(np.floor(picture * 255 + 0.5).clip(0, 255).astype(np.uint8))
        filled = cv2.inpaint(levels, missing.astype(np.uint8), RADIUS, cv2.INPAINT_TELEA)
        return np.asarray(filled) / 255

    return Classical("telea", "Telea 2004, OpenCV", restore, cv2, {"radius": RADIUS})
