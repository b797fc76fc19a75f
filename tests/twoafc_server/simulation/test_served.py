"""Bots through the real server: what was put in comes out, and the plan is filled exactly."""

import json
import os
from collections import Counter
from importlib import resources
from pathlib import Path

import pytest
from sqlalchemy import select

from twoafc_server.__main__ import main
from twoafc_server.analysis.reading.sources import load_study
from twoafc_server.base.clock import now_ms
from twoafc_server.base.errors import InputError
from twoafc_server.design.stimuli import read_stimuli
from twoafc_server.simulation.browser_bot import browse
from twoafc_server.simulation.circle import bot_study, circle, served
from twoafc_server.simulation.crowd import Crowd
from twoafc_server.simulation.eye import Eye
from twoafc_server.simulation.http_bot import Tour, send_bots
from twoafc_server.simulation.observers import Observers
from twoafc_server.storage.create import create_study
from twoafc_server.storage.database import writing
from twoafc_server.storage.migrate import created_engine
from twoafc_server.storage.models import Study

RATES = {"regression": 0.3, "sr3": 0.5}


@pytest.fixture(scope="module")
def stimuli():
    with resources.as_file(resources.files("twoafc_server") / "demo" / "stimuli") as folder:
        yield folder


@pytest.fixture
def small(tmp_path, stimuli):
    """A study of one participant per system, with its database."""
    database = f"sqlite:///{tmp_path / 'bots.db'}"
    study = bot_study("small", 1, 4, 4, seed=0)
    with writing(created_engine(database)) as session:
        create_study(session, study, read_stimuli(stimuli), now_ms())
    return database


def test_the_truth_put_into_bots_comes_out_of_server_and_analysis(stimuli):
    # One bot at a time: who gets which place is then fixed, and so is every answer.
    study = bot_study("truth", 8, 4, 8, seed=0)
    found, visits = circle(stimuli, study, Crowd(Observers(), RATES, seed=0), at_once=1)
    assert [one.system for one in found] == ["regression", "sr3"]
    assert all(one.held for one in found)
    assert Counter(visit.outcome for visit in visits) == {"completed": 16}
    assert {visit.answers for visit in visits} == {6}
    assert len({visit.code for visit in visits} - {""}) == 16


def test_leavers_are_replaced_and_nobody_takes_part_twice(stimuli):
    study = bot_study("leavers", 4, 3, 6, seed=1)
    crowd = Crowd(Observers(abandonment=0.4, double_arrival=1.0), RATES, seed=2)
    found, visits = circle(stimuli, study, crowd, at_once=4)
    outcomes = Counter(visit.outcome for visit in visits)
    assert outcomes["completed"] == 8
    assert outcomes["left"] > 0
    assert all(visit.second is not None for visit in visits if visit.outcome == "completed")
    assert len(found) == 2


def test_answers_in_the_database_are_those_the_bots_meant(small, stimuli):
    crowd = Crowd(Observers(), RATES, seed=3)
    with served(small) as address:
        tour = Tour(f"{address}/study/small?participant={{id}}", crowd, Eye(stimuli), 6)
        visits = send_bots(tour, ["ann", "bob"], 1)
    assert [visit.outcome for visit in visits] == ["completed"] * 2
    test = load_study("small", small).test
    assert len(test) == 8
    for slot, rows in test.groupby("slot"):
        person = ("ann", "bob")[slot - 1]
        for row in rows.itertuples():
            left = row.side_model == "left"
            assert row.fooled == crowd.chooses_model(person, row.image, row.system, left)


def test_a_blinded_study_is_refused_until_it_is_full(small, stimuli):
    with pytest.raises(InputError, match="is blinded: found 0 of 2 slots done"):
        main(["analyse", "small", "--db", small])
    with pytest.raises(InputError, match="found no study 'large'"):
        main(["analyse", "large", "--db", small])


def test_an_edited_study_is_refused(small):
    with writing(created_engine(small)) as session:
        study = session.scalars(select(Study)).one()
        study.protocol = study.protocol.replace('"catch_pass":1', '"catch_pass":0')
    with pytest.raises(InputError, match="was edited after it was created"):
        main(["analyse", "small", "--db", small])


def test_the_margin_locked_with_the_study_is_called_declared(small, stimuli, capsys, tmp_path):
    crowd = Crowd(Observers(), RATES)
    with served(small) as address:
        tour = Tour(f"{address}/study/small?participant={{id}}", crowd, Eye(stimuli), 6)
        send_bots(tour, ["ann", "bob"], 1)
    out = tmp_path / "out"
    assert main(["analyse", "small", "--db", small, "--out", str(out), "--draws", "100"]) == 0
    settings = json.loads((out / "analysis.json").read_text())["settings"]
    assert (settings["margin"], settings["margin_origin"]) == (0.05, "declared in the protocol")


def test_bots_of_a_full_study_are_turned_away(small, stimuli):
    crowd = Crowd(Observers(), RATES)
    with served(small) as address:
        tour = Tour(f"{address}/study/small?participant={{id}}", crowd, Eye(stimuli), 6)
        visits = send_bots(tour, ["ann", "bob", "eve"], 1)
    assert [visit.outcome for visit in visits] == ["completed", "completed", "stopped"]


def test_without_a_server_the_bots_say_so(stimuli):
    argv = ["--link", "http://127.0.0.1:9/study/x?participant={id}", "--stimuli", str(stimuli)]
    with pytest.raises(InputError, match="found no server at"):
        main(["simulate", "http", *argv, "--bots", "1"])


@pytest.mark.browser
def test_a_browser_bot_takes_part_with_the_pages_own_script(small, stimuli):
    pytest.importorskip("playwright")
    chromium = Path("/usr/bin/chromium")
    if not chromium.exists():
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail("no Chromium on this machine, and REQUIRE_BROWSER=1")
        pytest.skip("NO BROWSER: the browser bot did not run")
    crowd = Crowd(Observers(), RATES, seed=5)
    with served(small) as address:
        tour = Tour(f"{address}/study/small?participant={{id}}", crowd, Eye(stimuli), 6)
        (visit,) = browse(["ann"], tour, chromium)
    assert (visit.outcome, visit.answers) == ("completed", 6)
    assert visit.code
