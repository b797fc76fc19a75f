"""Text files that are whole or not there."""

import os
from pathlib import Path

from sr3.errors import InputError


def write_text(path: Path, text: str) -> None:
    """Write aside, then rename; InputError where the folder cannot take it."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(text)
        aside.replace(path)
    except OSError as error:
        raise InputError(
            f"could not write {path} ({error.strerror}): free space or choose another folder"
        ) from error
    finally:
        aside.unlink(missing_ok=True)
