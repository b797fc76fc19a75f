"""`demo`: a small study of rendered faces in SQLite, served on this machine. Needs no set-up."""

import argparse
import secrets
from importlib import resources
from pathlib import Path

from twoafc_server.accounts import researchers
from twoafc_server.base.clock import now_ms
from twoafc_server.base.errors import InputError
from twoafc_server.base.keys import ephemeral
from twoafc_server.cli import port
from twoafc_server.cli.common import parser
from twoafc_server.cli.serve import run
from twoafc_server.design.stimuli import read_stimuli
from twoafc_server.design.study_file import StudyFile, parse
from twoafc_server.storage.create import create_study
from twoafc_server.storage.database import writing
from twoafc_server.storage.migrate import created_engine
from twoafc_server.web.installation.settings import Settings


def arguments(argv: list[str]) -> argparse.Namespace:
    options = parser("demo", __doc__ or "")
    options.add_argument("--port", type=int, default=8000, help="or the next free one")
    options.add_argument("--folder", type=Path, default=Path("instance"), help="for the database")
    options.add_argument("--prepare-only", action="store_true", help="make the study, do not serve")
    return options.parse_args(argv)


def demo_study() -> StudyFile:
    """The demo's study file, which ships with the package."""
    text = (resources.files("twoafc_server") / "demo" / "demo.toml").read_text("utf-8")
    return parse(text, "demo.toml")


def prepare(folder: Path) -> tuple[str, str]:
    """A fresh database with the demo study; returns its URL and the researcher's password."""
    folder.mkdir(parents=True, exist_ok=True)
    # Keys of the demo live as long as the process, so sessions of an earlier run are of no use.
    for old in folder.glob("demo.db*"):
        old.unlink()
    url = f"sqlite:///{folder / 'demo.db'}"
    password = secrets.token_urlsafe(12)
    with resources.as_file(resources.files("twoafc_server") / "demo" / "stimuli") as stimuli:
        images = read_stimuli(stimuli)
    with writing(created_engine(url)) as session:
        create_study(session, demo_study(), images, now_ms())
        researchers.add(session, "demo", password, now_ms())
    return url, password


def main(argv: list[str]) -> int:
    given = arguments(argv)
    if not 1 <= given.port <= 65535:
        raise InputError(f"found port {given.port}, wanted 1..65535")
    number = given.port if given.prepare_only else port.next_free(given.port)
    url, password = prepare(given.folder)
    home = f"http://127.0.0.1:{number}"
    print(f"take part:  {home}/study/demo")
    print(f"researcher: {home}/admin/  name demo, password {password}")
    if not given.prepare_only:
        run(Settings(url, ephemeral(), secure=False), f"127.0.0.1:{number}", 1, 8)
    return 0
