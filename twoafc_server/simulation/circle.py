"""A whole circle in one process: create a study, serve it, send bots, analyse, compare with truth.

The proof that server and analysis together give back the rate that was put into the observers.
"""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from werkzeug.serving import WSGIRequestHandler, make_server

from twoafc_server.analysis.analyse import Settings as AnalysisSettings
from twoafc_server.analysis.analyse import analyse
from twoafc_server.analysis.reading.sources import load_study
from twoafc_server.base.clock import Clock, now_ms
from twoafc_server.base.errors import InputError
from twoafc_server.base.keys import ephemeral
from twoafc_server.design.stimuli import read_stimuli
from twoafc_server.design.study_file import StudyFile, from_dict
from twoafc_server.simulation.crowd import Crowd
from twoafc_server.simulation.eye import Eye
from twoafc_server.simulation.http_bot import Tour, Visit, send_bots
from twoafc_server.storage.create import create_study
from twoafc_server.storage.database import reading, writing
from twoafc_server.storage.migrate import created_engine
from twoafc_server.storage.studies import find, slot_counts
from twoafc_server.web.app import create_app
from twoafc_server.web.installation.settings import Limits, Settings

EXPOSURE_MS = 50  # the shortest a study may ask for: bots look fast
ROUNDS = 5  # of fresh bots for the places that others abandoned


@dataclass(frozen=True)
class Circle:
    """One system's analysed rate beside its truth."""

    study: str
    system: str
    truth: float
    rate: float
    low: float
    high: float

    @property
    def held(self) -> bool:
        """Whether the interval contains the truth."""
        return self.low <= self.truth <= self.high


def bot_study(
    name: str, participants: int, per_participant: int, images: int, seed: int
) -> StudyFile:
    """A short Task-2 study for bots: one practice and one catch trial, 50 ms exposures."""
    design = {
        "tasks": ["task2"],
        "participants": participants,
        "images": images,
        "images_per_participant": per_participant,
        "practice_trials": 1,
        "catch_trials": 1,
        "seed": seed,
    }
    table = {
        "name": name,
        "design": design,
        "timing": {"exposures_ms": [EXPOSURE_MS]},
        "rules": {"catch_pass": 1},
    }
    return from_dict(table)


class JumpingClock:
    """The real time, and what was skipped: nobody waits for a lease to end."""

    def __init__(self) -> None:
        self._skipped = 0

    def __call__(self) -> int:
        return now_ms() + self._skipped

    def skip(self, minutes: float) -> None:
        """Move ahead."""
        self._skipped += round(minutes * 60_000)


@contextmanager
def served(database: str, clock: Clock = now_ms) -> Iterator[str]:
    """The application on a free port of this machine, in a thread; yields its address."""
    settings = Settings(
        database, ephemeral(), secure=False, limits=Limits(enabled=False), clock=clock
    )
    server = make_server(
        "127.0.0.1", 0, create_app(settings), threaded=True, request_handler=_Quiet
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: bots make thousands of requests."""


def circle(
    stimuli: Path, study: StudyFile, crowd: Crowd, at_once: int = 8
) -> tuple[list[Circle], list[Visit]]:
    """Run one study of bots from creation to analysis; rates beside truths, and the visits.

    Raises:
        InputError: the bots did not fill the study.
    """
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{Path(folder) / 'bots.db'}"
        with writing(created_engine(database)) as session:
            create_study(session, study, read_stimuli(stimuli), now_ms())
        clock = JumpingClock()
        with served(database, clock) as address:
            link = f"{address}/study/{study.name}?participant={{id}}"
            trials = study.design.images_per_participant + 2
            tour = Tour(link, crowd, Eye(stimuli), trials)
            visits = _fill(database, study, tour, at_once, clock)
        analysis = analyse(load_study(study.name, database), AnalysisSettings(draws=100))
    systems = analysis.tasks[0].systems
    tops = {name: report.rate.headline for name, report in systems.items()}
    return [
        Circle(study.name, name, crowd.rates[name], top.rate, top.low, top.high)
        for name, top in tops.items()
    ], visits


def _fill(
    database: str, study: StudyFile, tour: Tour, at_once: int, clock: JumpingClock
) -> list[Visit]:
    """Send bots until every place is done; an abandoned one is free when its lease has ended."""
    visits: list[Visit] = []
    for _ in range(ROUNDS):
        missing = _open_places(database, study.name)
        if not missing:
            return visits
        people = [f"bot{len(visits) + number:05d}" for number in range(missing)]
        visits += send_bots(tour, people, at_once)
        clock.skip(study.lease_minutes)
    raise InputError(
        f"found {_open_places(database, study.name)} places still open after {ROUNDS} rounds of "
        "bots: ask for less abandonment"
    )


def _open_places(database: str, name: str) -> int:
    with reading(created_engine(database)) as session:
        counts = slot_counts(session, find(session, name))
    return counts.planned - counts.done
