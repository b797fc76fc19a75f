"""The JSON beside a public SR3 checkpoint: what the weights' shapes do not tell."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sr3.base.errors import InputError
from sr3.diffusion import schedule

MOST_BYTES = 1_000_000
STRING_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
USUAL_GROUPS = 32  # what its program takes where its JSON says nothing
SHAPES = {"linear": "linear", "quad": "quadratic", "const": "linear", "cosine": "cosine"}


@dataclass(frozen=True)
class Told:
    """What is known of a checkpoint beside its weights.

    Attributes:
        groups: of every group norm.
        resolution: side of the training pictures.
        train, val: schedules as texts of `schedule.make`.
        scale: factor from LR to HR, None where it is not said.
        unet: what the JSON says of the network, to be held against the shapes.
    """

    groups: int
    resolution: int
    train: str
    val: str
    scale: int | None
    unet: Mapping[str, Any]


def without_comments(text: str) -> str:
    """JSON text without `//` and `/* */` comments; both stay inside strings."""
    return STRING_OR_COMMENT.sub(lambda m: m[0] if m[0].startswith('"') else " ", text)


def read(path: Path) -> dict[str, Any]:
    """The JSON of a file; InputError when it is missing, too large or no object."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"found {path.stat().st_size} bytes in {path}, wanted a small JSON")
        content = json.loads(without_comments(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"found no readable file at {path} ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"found damaged JSON in {path} ({error})") from error
    if not isinstance(content, dict):
        raise InputError(f"found a JSON {type(content).__name__} in {path}, wanted an object")
    return content


def told(content: Mapping[str, Any], name: str) -> Told:
    """What its JSON says.

    Args:
        name: of the file, for messages.

    Raises:
        InputError: another model than its "sr3", or a field that is missing or of a wrong type.
    """
    try:
        model = content["model"]
        which = model.get("which_model_G", "sr3")
        if which != "sr3":
            raise InputError(f"found model {which!r} in {name}, wanted its 'sr3'")
        unet, schedules = model["unet"], model["beta_schedule"]
        return Told(
            groups=int(unet.get("norm_groups") or USUAL_GROUPS),
            resolution=int(model["diffusion"]["image_size"]),
            train=_schedule(schedules.get("train") or schedules["val"], name),
            val=_schedule(schedules.get("val") or schedules["train"], name),
            scale=_scale(content.get("datasets") or {}),
            unet=dict(unet),
        )
    except KeyError as error:
        raise InputError(f"found no {error} in {name}, wanted the JSON of its training") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"found an unusable value in {name} ({error})") from error


def _schedule(values: Mapping[str, Any], name: str) -> str:
    kind, steps = str(values["schedule"]), int(values["n_timestep"])
    if kind not in SHAPES:
        raise InputError(f"found beta schedule {kind!r} in {name}, wanted {', '.join(SHAPES)}")
    text = f"{SHAPES[kind]}:{steps}"
    if kind != "cosine":
        start = values["linear_end" if kind == "const" else "linear_start"]
        text += f":{float(start)!r}:{float(values['linear_end'])!r}"
    schedule.make(text)  # refuses numbers that make no schedule
    return text


def _scale(datasets: Mapping[str, Any]) -> int | None:
    for part in ("val", "train"):
        sides = datasets.get(part) or {}
        if sides.get("l_resolution") and sides.get("r_resolution"):
            return int(sides["r_resolution"]) // int(sides["l_resolution"])
    return None
