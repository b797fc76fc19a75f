"""How a bot knows what it sees: by the pixels, because the server tells nobody else."""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from twoafc_server.base.errors import InputError

Panel = Sequence[int]


@dataclass(frozen=True)
class Sight:
    """What a composite shows: whose output of which image, and on which side."""

    image: str
    system: str
    left: bool


class Eye:
    """Recognises the pictures of a stimulus folder in composites.

    reference: what outputs are shown against, `hr` or a system.
    """

    def __init__(self, folder: Path, reference: str = "hr") -> None:
        self.reference = reference
        self._known = _pictures(folder)

    def look(self, composite: bytes, panels: Sequence[Panel]) -> Sight:
        """Find the output among the outer panels (x, y, width, height) of a PNG.

        Raises:
            InputError: the composite shows other pictures than the folder holds.
        """
        with Image.open(io.BytesIO(composite)) as opened:
            picture = opened.convert("RGB")
        seen = [self._recognise(picture, panels[place]) for place in (0, -1)]
        for left, (one, other) in ((True, seen), (False, seen[::-1])):
            for image, system in one.items():
                if system != self.reference and other.get(image) == self.reference:
                    return Sight(image, system, left)
        raise InputError(
            "found a trial whose pictures are not in the stimulus folder: give the folder that "
            "the study was created from, and the study's reference"
        )

    def _recognise(self, picture: Image.Image, panel: Panel) -> Mapping[str, str]:
        x, y, width, height = panel
        crop = picture.crop((x, y, x + width, y + height))
        return self._known.get(_fingerprint(crop), {})


def _pictures(folder: Path) -> dict[str, dict[str, str]]:
    """Fingerprint -> {image: what it is}."""
    try:
        stimuli = json.loads((folder / "manifest.json").read_text("utf-8"))["stimuli"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"found no stimulus manifest in {folder} ({error})") from error
    known: dict[str, dict[str, str]] = {}
    for row in stimuli:
        for what, file in {"hr": row["hr"], **row["outputs"]}.items():
            with Image.open(folder / file) as opened:
                known.setdefault(_fingerprint(opened.convert("RGB")), {})[row["image"]] = what
    return known


def _fingerprint(picture: Image.Image) -> str:
    return hashlib.sha256(f"{picture.size}".encode() + picture.tobytes()).hexdigest()
