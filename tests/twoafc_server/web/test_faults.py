"""What goes wrong on the way: nothing acknowledged is lost, nothing is counted twice."""

import psycopg
import pytest
from person import Person, new_uuid
from sqlalchemy import select
from sqlalchemy.exc import InternalError, OperationalError, ProgrammingError
from tiny_study import tiny_study

from twoafc_server.base import clock as clocks
from twoafc_server.storage.database import is_outage, reading
from twoafc_server.storage.models import Participant, Response, Showing
from twoafc_server.web.installation import context

BREAKS = OperationalError("SELECT 1", {}, psycopg.OperationalError("away"))


def rows(app, model):
    with reading(app.extensions["twoafc_engine"]) as session:
        return session.scalars(select(model)).all()


@pytest.fixture
def person(app, clock):
    made = Person(app, "ann", clock)
    made.begin()
    return made


@pytest.fixture
def outage(monkeypatch):
    """Makes every look at the participant fail, as a database that is away does."""

    def away(*_args, **_kwargs):
        raise BREAKS

    def begin():
        for name in ("holder", "watched", "participant"):
            monkeypatch.setattr(context, name, away)

    return begin


def test_the_script_is_told_to_come_back(person, outage, caplog):
    outage()
    reply = person.post("next")
    assert reply.status_code == 503
    assert reply.get_json() == {"error": "unavailable"}
    assert int(reply.headers["Retry-After"]) > 0
    assert [r.fields["kind"] for r in caplog.records if r.msg == "outage"] == ["OperationalError"]
    picture = person.client.get("/session/picture/" + "0" * 32)
    assert picture.status_code == 503


def test_a_page_waits_and_goes_on_by_itself(person, outage):
    form = {"csrf_token": person.token, "answer": "agree", "read": "yes"}
    outage()
    page = person.client.get("/session")
    assert page.status_code == 503
    assert "One moment, please" in page.text
    assert page.headers["Refresh"] == "3"
    sent = person.client.post("/session/consent", data=form)
    assert sent.status_code == 503
    assert sent.headers["Refresh"] == "3; url=/session"


def test_only_what_passes_is_called_an_outage():
    read_only = InternalError("INSERT", {}, psycopg.errors.ReadOnlySqlTransaction())
    disk = OperationalError("INSERT", {}, psycopg.errors.DiskFull())
    assert is_outage(BREAKS)
    assert is_outage(read_only)
    assert is_outage(disk)
    assert not is_outage(ProgrammingError("SELEC 1", {}, psycopg.errors.SyntaxError()))
    assert not is_outage(InternalError("x", {}, psycopg.errors.InvalidCursorName()))


def test_a_worker_that_starts_while_the_database_is_away_waits_for_it(settings, clock, stimuli):
    from twoafc_server.web.app import create_app

    nowhere = "postgresql://nobody@127.0.0.1:9/none"
    app = create_app(settings(nowhere, clock))
    reply = app.test_client().get("/study/tiny?participant=a")
    assert reply.status_code == 503
    assert reply.headers["Refresh"] == "3"


def test_an_answer_sent_again_gets_the_same_reply(app, person):
    trial = person.next()
    body = person.answer_body(trial)
    person.show(trial, body)
    first = person.post("answer", **body).get_json()
    again = person.post("answer", **body).get_json()
    assert first == again
    assert len(rows(app, Response)) == 1
    assert person.post("next", after=trial["token"]).get_json() == first["next"]


def test_a_late_copy_of_an_answer_moves_nothing(app, person):
    trial = person.next()
    body = person.answer_body(trial)
    person.show(trial, body)
    following = person.post("answer", **body).get_json()["next"]
    shown = person.answer_body(following)
    person.show(following, shown)
    assert "next" not in person.post("answer", **body).get_json()
    assert person.post("answer", **shown).status_code == 200
    assert len(rows(app, Response)) == 2


def test_a_late_request_for_the_next_trial_takes_none_off_the_screen(person):
    first = person.post("next", after="").get_json()
    assert person.post("next", after="").get_json() == first
    body = person.answer_body(first)
    person.show(first, body)
    person.post("answer", **body)
    second = person.post("next", after=first["token"]).get_json()
    shown = person.answer_body(second)
    person.show(second, shown)
    late = person.post("next", after="")
    assert (late.status_code, late.get_json()) == (409, {"error": "overtaken"})
    assert person.post("next", after=first["token"]).get_json() == second
    assert person.post("answer", **shown).status_code == 200


def test_an_onset_may_come_after_its_answer(app, person):
    trial = person.next()
    body = person.answer_body(trial)
    person.clock.wait(trial["exposure_ms"] + 700)
    assert person.post("answer", **body).status_code == 200
    late = {"token": trial["token"], "uuid": body["uuid"]}
    assert person.post("onset", **late).status_code == 200
    assert person.post("onset", **{**late, "uuid": new_uuid()}).status_code == 409
    assert len(rows(app, Showing)) == 1


def test_the_reply_to_the_last_answer_may_be_lost(app, person):
    while True:
        trial = person.next()
        body = person.answer_body(trial)
        person.show(trial, body)
        reply = person.post("answer", **body).get_json()
        if reply["next"]["state"] == "over":
            break
    assert person.post("answer", **body).get_json() == reply
    assert person.post("answer", **{**body, "chose": "left", "uuid": new_uuid()}
                       ).status_code == 409  # fmt: skip
    late = {"token": trial["token"], "uuid": body["uuid"]}
    assert person.post("onset", **late).status_code == 200
    assert person.post("onset", **{**late, "uuid": new_uuid()}).status_code == 409
    assert person.next()["state"] == "over"
    assert 'id="code"' in person.client.get("/session").text
    assert len(rows(app, Response)) == 4
    assert [p.status for p in rows(app, Participant)] == ["completed"]


def test_an_answer_that_was_sent_again_is_flagged(app, person):
    for sends in (1, 2):
        trial = person.next()
        body = person.answer_body(trial)
        person.show(trial, body)
        assert person.post("answer", **body, sends=sends).status_code == 200
    assert ["resent" in r.flags for r in rows(app, Response)] == [False, True]


def test_a_clock_that_is_set_back_costs_no_answer_and_is_flagged(app, person):
    trial = person.next()
    body = person.answer_body(trial)
    person.show(trial, body)
    person.clock.wait(-3 * 3_600_000)
    assert person.post("answer", **body).status_code == 200
    assert [r.flags for r in rows(app, Response)] == ["clock"]


def test_the_cookie_outlives_a_machine_clock_that_is_set_back(lite, clock, monkeypatch):
    import time

    app = lite(tiny_study())
    person = Person(app, "ann", clock)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3 * 3600)
    person.begin()
    monkeypatch.setattr(time, "time", real)
    assert person.next()["state"] == "trial"


def test_the_service_clock_only_runs_on(monkeypatch):
    import time

    steady = clocks.steady()
    before = steady()
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 3_600_000_000_000)
    assert 0 <= steady() - before < 60_000


def test_static_files_are_named_by_their_content_and_kept(lite, clock):
    app = lite(tiny_study())
    person = Person(app, "ann", clock)
    page = person.begin().text
    address = page.split('<script type="module" src="')[1].split('"')[0]
    with person.client.get(address) as reply:
        assert reply.status_code == 200
        assert reply.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        script = reply.text
    with person.client.get("/static/0000000000000000/js/main.js") as other:
        assert other.headers["Cache-Control"] == "no-cache"
        assert other.text == script
