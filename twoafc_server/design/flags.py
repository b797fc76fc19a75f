"""What was measured on a trial, and what about it a reader should know. Never about the choice."""

from dataclasses import dataclass

# What each flag means; the codebook prints it.
MEANING = {
    "hidden": "the page was hidden during the exposure",
    "blurred": "the window lost the focus during the exposure",
    "mistimed": "the measured exposure is off by more than one frame",
    "dropped_frames": "frames were missed during the exposure",
    "fractional_pixels": "a device pixel ratio that is no whole number: the display resamples",
    "early_press": "a key or button was pressed before the exposure ended",
    "resent": "the answer came late: the connection was lost, or the page was loaded again",
    "clock": "the server's clock and the page's disagree about how long the trial took",
    "catch_passed": "the instructed side was chosen",
    "catch_failed": "the other side than the instructed one was chosen",
}

# Two clocks that are read on two machines agree no better.
_COARSE_MS = 1000


@dataclass(frozen=True)
class Measured:
    """Times in milliseconds from frame time stamps; viewport in CSS pixels.

    frame_ms: the display's refresh period as measured. zoom: CSS pixels per image pixel.
    """

    rt_ms: float
    exposure_ms: float
    frame_ms: float
    frames_dropped: int
    hidden_ms: float
    blurred_ms: float
    early_presses: int
    viewport_width: int
    viewport_height: int
    pixel_ratio: float
    zoom: int


@dataclass(frozen=True)
class Transit:
    """How an answer came. elapsed_ms: from handing the trial out to storing its answer, by the
    server's clock."""

    elapsed_ms: int
    resent: bool

    def contradicts(self, m: Measured) -> bool:
        """Whether less time has passed for the server than for the page, or none at all."""
        return self.elapsed_ms + _COARSE_MS < m.exposure_ms + m.rt_ms


def flags_of(
    m: Measured, requested_ms: float, catch_passed: bool | None, transit: Transit | None = None
) -> list[str]:
    """The flags of one answered trial, in the order of `MEANING`."""
    # Time stamps are coarsened to 0.1 ms or 1 ms by browsers.
    tolerance = m.frame_ms + 1.0
    holds = {
        "hidden": m.hidden_ms > 0,
        "blurred": m.blurred_ms > 0,
        "mistimed": abs(m.exposure_ms - requested_ms) > tolerance,
        "dropped_frames": m.frames_dropped > 0,
        "fractional_pixels": m.pixel_ratio != round(m.pixel_ratio),
        "early_press": m.early_presses > 0,
        "resent": transit is not None and transit.resent,
        "clock": transit is not None and transit.contradicts(m),
        "catch_passed": catch_passed is True,
        "catch_failed": catch_passed is False,
    }
    return [flag for flag, true in holds.items() if true]
