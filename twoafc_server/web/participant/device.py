"""Reading what the device check measured, from a form that anybody can fill in."""

import math
from collections.abc import Mapping
from typing import Any

from werkzeug.exceptions import BadRequest

# Name, least and greatest value that a real device can report.
_NUMBERS = {
    "viewport_width": (1, 100_000),
    "viewport_height": (1, 100_000),
    "screen_width": (1, 100_000),
    "screen_height": (1, 100_000),
    "pixel_ratio": (0.1, 20),
    "refresh_hz": (1, 2_000),
}


def read_device(form: Mapping[str, str]) -> dict[str, Any]:
    """The measured numbers and whether the device has a touch screen. Raises BadRequest."""
    values: dict[str, Any] = {
        name: number_in(form.get(name, ""), low, high) for name, (low, high) in _NUMBERS.items()
    }
    values["touch"] = form.get("touch") == "1"
    return values


def number_in(text: object, low: float, high: float) -> float:
    """A finite number within bounds from text or JSON. Raises BadRequest."""
    if isinstance(text, bool) or not isinstance(text, str | int | float) or text == "":
        raise BadRequest("not a number")
    try:
        value = float(text)
    except (ValueError, OverflowError) as error:
        raise BadRequest("not a number") from error
    if not math.isfinite(value) or not low <= value <= high:
        raise BadRequest("out of range")
    return round(value, 4)
