"""Other designs than the paper's, served: system against system, within participants, sweeps."""

import io

import numpy as np
import pytest
from person import Person
from PIL import Image
from sqlalchemy import select
from tiny_study import tiny_study

from twoafc_server.export.proof import prove
from twoafc_server.export.summary import summarise
from twoafc_server.storage.database import reading, writing
from twoafc_server.storage.models import Output, Participant, Picture, Slot, Study, Trial
from twoafc_server.storage.studies import set_status


def pixels(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def sides_of(app, person: Person) -> tuple[np.ndarray, np.ndarray, Trial]:
    """Left and right as sent for the next trial, and the trial as stored."""
    trial = person.next()
    composite = pixels(person.client.get(trial["image"]).data)
    left, *_, right = (composite[y : y + h, x : x + w] for x, y, w, h in trial["panels"])
    with reading(app.extensions["twoafc_engine"]) as session:
        issued = session.scalars(select(Participant.issued_trial_id)).one()
        stored = session.get_one(Trial, issued)
    return left, right, stored


def output(app, trial: Trial, system: str) -> np.ndarray:
    with reading(app.extensions["twoafc_engine"]) as session:
        sha = session.scalars(
            select(Output.picture).where(
                Output.stimulus_id == trial.stimulus_id, Output.system == system
            )
        ).one()
        return pixels(session.get_one(Picture, sha).png)


def test_one_system_against_another(lite, clock):
    app = lite(
        tiny_study(
            design={
                "tasks": ["task1"],
                "systems": ["sr3"],
                "reference": "regression",
                "practice_trials": 0,
                "catch_trials": 0,
            },
            rules={"catch_pass": 0},
        )
    )
    person = Person(app, "one", clock)
    person.begin()
    left, right, stored = sides_of(app, person)
    model, other = (left, right) if stored.side_model == "left" else (right, left)
    assert np.array_equal(model, output(app, stored, "sr3"))
    assert np.array_equal(other, output(app, stored, "regression"))
    page = person.finish()
    assert "two super-resolution methods" in page.text


def test_the_models_picture_is_on_the_side_that_the_plan_says(lite, clock):
    study = tiny_study(
        design={"tasks": ["task2"], "practice_trials": 0, "catch_trials": 0},
        rules={"catch_pass": 0},
    )
    app = lite(study)
    person = Person(app, "one", clock)
    person.begin()
    left, right, stored = sides_of(app, person)
    model = left if stored.side_model == "left" else right
    assert np.array_equal(model, output(app, stored, stored.system))


def test_within_participants(lite, clock):
    app = lite(
        tiny_study(design={"kind": "within", "images_per_participant": 4, "tasks": ["task1"]})
    )
    for n in range(2):
        Person(app, f"p{n}", clock).take_part()
    with reading(app.extensions["twoafc_engine"]) as session:
        study = session.scalars(select(Study)).one()
        assert all(finding.holds for finding in prove(session, study))
        slots = session.scalars(select(Slot)).all()
        assert {(slot.system, slot.state) for slot in slots} == {(None, "done")}
        rows = summarise(session, study).conditions
        assert [(row.system, row.done, row.fool_rate is None) for row in rows] == [("", 2, False)]


def test_each_exposure_is_a_condition(lite, clock):
    app = lite(tiny_study(timing={"exposures_ms": [100, 400]}))
    seen = set()
    for n in range(8):
        person = Person(app, f"p{n}", clock)
        person.begin()
        seen.add(person.next()["exposure_ms"])
    assert seen == {100, 400}


@pytest.mark.parametrize(("status", "title"), [("paused", "paused"), ("closed", "closed")])
def test_a_study_that_stops_between_consent_and_claim_says_so(lite, clock, status, title):
    app = lite(tiny_study())
    person = Person(app, "late", clock)
    person.arrive()
    person.consent()
    token = person.csrf()

    with writing(app.extensions["twoafc_engine"]) as session:
        set_status(session, session.scalars(select(Study)).one(), status, "me", clock())
    form = {
        "viewport_width": "1280",
        "viewport_height": "800",
        "screen_width": "1280",
        "screen_height": "800",
        "pixel_ratio": "1",
        "refresh_hz": "60",
        "csrf_token": token,
    }
    page = person.client.post("/session/device", data=form, follow_redirects=True)
    assert f"This study is {title}" in page.text
