"""Reading the script's JSON: nothing is believed, everything is bounded."""

import re
from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest

from twoafc_server.design.flags import Measured
from twoafc_server.storage.trials import Answer
from twoafc_server.web.participant.device import number_in

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_TOKEN = re.compile(r"[0-9a-f]{32}")
EVENT_KINDS = (
    "loaded",
    "ready",
    "hidden",
    "visible",
    "blurred",
    "focused",
    "resized",
    "load_failed",
    "reconnected",
)
_HOUR_MS = 3_600_000


def body() -> dict[str, Any]:
    """The JSON object of the request. Raises BadRequest."""
    value = request.get_json(silent=True)
    if not isinstance(value, dict):
        raise BadRequest("not a JSON object")
    return value


def uuid_in(table: dict[str, Any]) -> str:
    return _matching(_UUID, table.get("uuid"))


def token_in(table: dict[str, Any], key: str = "token") -> str:
    return _matching(_TOKEN, table.get(key))


def _matching(pattern: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BadRequest("malformed")
    return value


def choice_in(table: dict[str, Any], key: str, options: tuple[str, ...]) -> str:
    value = table.get(key)
    if not isinstance(value, str) or value not in options:
        raise BadRequest(f"{key}: not an option")
    return value


def answer_in(table: dict[str, Any]) -> Answer:
    """A whole answer with its measurements. Raises BadRequest."""

    def number(key: str, high: float, low: float = 0.0) -> float:
        return number_in(table.get(key), low, high)

    measured = Measured(
        rt_ms=number("rt_ms", 24 * _HOUR_MS),
        exposure_ms=number("exposure_ms", 24 * _HOUR_MS),
        frame_ms=number("frame_ms", 1000, 0.5),
        frames_dropped=int(number("frames_dropped", 1e9)),
        hidden_ms=number("hidden_ms", 24 * _HOUR_MS),
        blurred_ms=number("blurred_ms", 24 * _HOUR_MS),
        early_presses=int(number("early_presses", 1e6)),
        viewport_width=int(number("viewport_width", 1e5)),
        viewport_height=int(number("viewport_height", 1e5)),
        pixel_ratio=number("pixel_ratio", 20, 0.1),
        zoom=int(number("zoom", 64, 1)),
    )
    return Answer(
        client_uuid=uuid_in(table),
        chose=choice_in(table, "chose", ("left", "right")),
        input=choice_in(table, "input", ("key", "pointer")),
        measured=measured,
        resent=number_in(table.get("sends", 1), 1, 1e9) > 1,
    )
