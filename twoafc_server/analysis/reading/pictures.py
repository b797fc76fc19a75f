"""The pictures of a stimulus folder, found by its manifest and opened when they are shown."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from twoafc_server.base.errors import InputError


@dataclass(frozen=True)
class Pictures:
    """Where each picture of a stimulus folder lies: image -> {"hr", "lr", system} -> path."""

    folder: Path
    files: dict[str, dict[str, Path]]

    def picture(self, image: str, what: str) -> Image.Image:
        """The reference (`hr`) or a system's output of one image.

        Raises:
            InputError: the folder has no such picture.
        """
        path = self.files.get(image, {}).get(what)
        if path is None or not path.is_file():
            raise InputError(
                f"found no {what} of image {image!r} in {self.folder}: give the stimulus folder "
                "that the study was created from"
            )
        with Image.open(path) as opened:
            return opened.convert("RGB")


def read_pictures(folder: Path) -> Pictures:
    """Index a stimulus folder by its manifest."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        rows: list[dict[str, Any]] = manifest["stimuli"]
        files = {
            str(row["image"]): {
                "hr": folder / row["hr"],
                "lr": folder / row["lr"],
                **{name: folder / file for name, file in row["outputs"].items()},
            }
            for row in rows
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"found no stimulus manifest in {folder} ({error}): wanted the folder that "
            "`python -m bench.study` wrote"
        ) from error
    return Pictures(folder, files)
