"""Hundreds of people at once on PostgreSQL: every planned cell is filled once, none twice."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from person import Person
from sqlalchemy import func, select
from tiny_study import make_study, tiny_study
from werkzeug.test import TestResponse

from twoafc_server.base.clock import now_ms
from twoafc_server.export.proof import prove
from twoafc_server.storage.database import reading
from twoafc_server.storage.models import Participant, Response, Slot, Study
from twoafc_server.web.app import create_app

PEOPLE = 500
PLACES = 200
THREADS = 24
EXPOSURE_MS = 50


class Shifted:
    """The real clock and an offset, so that a lease can run out within a test."""

    def __init__(self) -> None:
        self.offset = 0

    def __call__(self) -> int:
        return now_ms() + self.offset

    def wait(self, ms: float) -> None:
        time.sleep(ms / 1000)


class Quick(Person):
    """Someone who answers as soon as the pictures have gone."""

    def post(self, what: str, **body: object) -> TestResponse:
        """Sends again what a busy server could not store in time, as the page does."""
        while (reply := super().post(what, **body)).status_code == 503:
            self.clock.wait(100)
        return reply

    def show(self, trial, body) -> None:
        self.post("onset", token=trial["token"], uuid=body["uuid"])
        self.clock.wait(trial["exposure_ms"] + 2)

    def leave_after_one(self) -> None:
        if self.begin().status_code == 200:
            self.do(self.next())

    def come_back(self) -> None:
        self.arrive()
        if self.open_trials().status_code == 200:
            self.finish()

    def try_whole(self) -> None:
        """To the end, or to the page that says that all places are taken."""
        if self.arrive().status_code == 200:
            self.consent()
            self.pass_device()
            if self.open_trials().status_code == 200:
                self.finish()


def at_once(people: list[Quick], act: Callable[[Quick], None]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(act, people))


@pytest.fixture
def study():
    return tiny_study(
        design={
            "participants": PLACES // 4,
            "practice_trials": 0,
            "catch_trials": 0,
        },
        rules={"catch_pass": 0},
        timing={"exposures_ms": [EXPOSURE_MS]},
    )


@pytest.fixture
def crowd(postgres, stimuli, settings, study):
    """An application on PostgreSQL and its clock."""
    clock = Shifted()
    make_study(postgres, study, stimuli, clock).dispose()
    app = create_app(settings(postgres, clock))
    yield app, clock
    app.extensions["twoafc_engine"].dispose()


def require_exact(app, study, places: int = PLACES) -> None:
    """All slots are done by one person each, every image was answered as planned, no more."""
    with reading(app.extensions["twoafc_engine"]) as session:
        row = session.scalars(select(Study)).one()
        assert all(finding.holds for finding in prove(session, row))
        assert Counter(session.scalars(select(Slot.state))) == {"done": places}
        holders = session.scalars(
            select(Participant.slot_id).where(Participant.status == "completed")
        ).all()
        assert len(holders) == len(set(holders)) == places
        counted = session.scalar(
            select(func.count())
            .select_from(Response)
            .join(Participant, Participant.id == Response.participant_id)
            .where(Participant.status == "completed")
        )
        assert counted == places * study.design.images_per_participant


def statuses(app) -> Counter:
    with reading(app.extensions["twoafc_engine"]) as session:
        return Counter(session.scalars(select(Participant.status)))


@pytest.mark.postgres
def test_five_hundred_arrivals_fill_exactly_the_planned_cells(crowd, study):
    app, clock = crowd
    at_once([Quick(app, f"p{n}", clock) for n in range(PEOPLE)], Quick.try_whole)
    require_exact(app, study)
    found = statuses(app)
    assert found["completed"] == PLACES
    assert found["active"] == found["expired"] == 0


@pytest.mark.postgres
def test_the_same_with_a_third_abandoning_and_coming_back(crowd, study):
    """Half of them come back in time and go on; half come too late, and others take over."""
    app, clock = crowd
    people = [Quick(app, f"p{n}", clock) for n in range(PEOPLE)]
    third = PEOPLE // 3
    # As many at first as there are places, so that every leaver has one to leave.
    leavers, early, rest = people[:third], people[third:PLACES], people[PLACES:]
    mixed = [person for pair in zip(leavers, early, strict=False) for person in pair]
    mixed += [p for p in leavers if p not in mixed]
    gone = set(map(id, leavers))
    at_once(mixed, lambda p: p.leave_after_one() if id(p) in gone else p.try_whole())
    in_time, too_late = leavers[::2], leavers[1::2]
    at_once(in_time, Quick.come_back)
    clock.offset += round(study.lease_minutes * 60_000) + 1
    together = [person for pair in zip(too_late, rest, strict=False) for person in pair]
    together += rest[len(too_late) :]
    at_once(together, lambda p: p.come_back() if id(p) in gone else p.try_whole())
    require_exact(app, study)
    found = statuses(app)
    assert found["completed"] == PLACES
    assert found["expired"] == len(too_late)


def test_a_smaller_crowd_on_sqlite(lite, study):
    """One writer at a time, and nobody is turned away with an error."""
    places = 16
    small = replace(study, design=replace(study.design, participants=places // 4))
    app = lite(small)
    settings = replace(app.extensions["twoafc_settings"], clock=Shifted())
    app.extensions["twoafc_settings"] = settings
    at_once([Quick(app, f"p{n}", settings.clock) for n in range(50)], Quick.try_whole)
    require_exact(app, small, places)
    assert statuses(app)["completed"] == places
