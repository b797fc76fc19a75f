"""Scripts and styles under addresses that name their content, so that browsers keep them for ever.

One hash over all files is a folder of the address: modules import one another by relative names,
which then carry it too.
"""

import hashlib
from pathlib import Path
from typing import Any

from flask import Flask, Response, send_from_directory

FOLDER = Path(__file__).parents[1] / "static"
FOR_EVER = "public, max-age=31536000, immutable"


def digest(folder: Path) -> str:
    """16 hex digits of the names and contents of all files."""
    sha = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        sha.update(f"{path.relative_to(folder).as_posix()}:{len(data)}:".encode() + data)
    return sha.hexdigest()[:16]


def serve(app: Flask) -> None:
    """Adds the endpoint `static`."""
    current = digest(FOLDER)

    @app.url_defaults
    def name_the_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values.setdefault("version", current)

    @app.get("/static/<version>/<path:filename>", endpoint="static")
    def static(version: str, filename: str) -> Response:
        reply = send_from_directory(FOLDER, filename)
        # While an upgrade is under way a page may ask for the other version.
        reply.headers["Cache-Control"] = FOR_EVER if version == current else "no-cache"
        return reply
