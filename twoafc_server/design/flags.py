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
    "catch_passed": "the instructed side was chosen",
    "catch_failed": "the other side than the instructed one was chosen",
}


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


def flags_of(m: Measured, requested_ms: float, catch_passed: bool | None) -> list[str]:
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
        "catch_passed": catch_passed is True,
        "catch_failed": catch_passed is False,
    }
    return [flag for flag, true in holds.items() if true]
