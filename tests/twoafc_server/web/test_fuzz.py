"""Whatever is sent to any address, in any order: no 500, and nothing changes that must not."""

import json
import string
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from person import Person, new_uuid
from sqlalchemy import func, select
from tiny_study import tiny_study

from twoafc_server.accounts.researchers import add
from twoafc_server.storage.database import reading, writing
from twoafc_server.storage.models import Event, Participant, Response, Showing, Slot

FUZZ = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)
WORDS = st.text(max_size=40)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    WORDS,
    st.sampled_from(["left", "right", "key", "NaN", "1e999", "\x00", "١٢", "tiny", "bundle.zip"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "token",
    "after",
    "uuid",
    "chose",
    "input",
    "rt_ms",
    "exposure_ms",
    "frame_ms",
    "frames_dropped",
    "hidden_ms",
    "blurred_ms",
    "early_presses",
    "viewport_width",
    "viewport_height",
    "pixel_ratio",
    "zoom",
    "kind",
    "at_ms",
)
API = ("next", "onset", "answer", "event")
SEGMENT = st.text(string.ascii_letters + string.digits + "-_.~%é ", min_size=1, max_size=30)
COUNTED = (Response, Showing, Event)


@pytest.fixture
def site(lite, clock):
    """An application on SQLite, one person at their second trial, one signed-in researcher."""
    app = lite(tiny_study())
    person = Person(app, "fuzz", clock)
    person.begin()
    person.do(person.next())
    person.trial = person.next()
    with writing(app.extensions["twoafc_engine"]) as session:
        add(session, "boss", "correct horse battery", clock())
    return app, person


@pytest.fixture
def boss(site) -> Iterator[Person]:
    app, person = site
    researcher = Person(app, "boss", person.clock)
    page = researcher.client.get("/admin/sign-in")
    form = {
        "csrf_token": researcher.csrf(page),
        "name": "boss",
        "password": "correct horse battery",
    }
    assert researcher.client.post("/admin/sign-in", data=form).status_code == 303
    researcher.token = researcher.csrf(researcher.client.get("/admin/"))
    return researcher


def state(app) -> tuple:
    with reading(app.extensions["twoafc_engine"]) as session:
        rows = session.execute(
            select(Response.participant_id, Response.trial_id, Response.chose, Response.client_uuid)
        ).all()
        counts = [session.scalar(select(func.count()).select_from(m)) for m in (Showing, Slot)]
        return (
            [tuple(row) for row in rows],
            counts,
            sorted(session.scalars(select(Slot.state))),
            sorted(session.scalars(select(Participant.status))),
        )


@FUZZ
@given(what=st.sampled_from(API), body=VALUES | st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_any_json_is_refused_cleanly(site, what, body):
    app, person = site
    before = state(app)
    reply = (
        person.post(what, **body)
        if isinstance(body, dict)
        else person.client.post(
            f"/session/api/{what}",
            data=json.dumps(body, allow_nan=True),
            content_type="application/json",
            headers={"X-CSRFToken": person.token},
        )
    )
    assert reply.status_code in {400, 404, 409} | ({200} if what == "next" else set())
    assert state(app) == before


@FUZZ
@given(data=st.data())
def test_a_nearly_right_answer_is_stored_or_refused_but_never_fails(site, data):
    """One field of a right answer replaced by anything."""
    app, person = site
    body = person.answer_body(person.trial)
    key = data.draw(st.sampled_from(sorted(set(body) - {"token", "uuid"})))
    body[key] = data.draw(VALUES)
    reply = person.post("answer", **body)
    # No time has passed since the trial was handed out, so even a right one is too early.
    assert reply.status_code in {400, 409}
    assert len(state(app)[0]) == 1


@FUZZ
@given(
    what=st.sampled_from(API),
    raw=st.binary(max_size=200),
    kind=st.sampled_from(
        ["application/json", "text/plain", "multipart/form-data", "application/json; charset=x"]
    ),
)
def test_any_bytes_are_refused_cleanly(site, what, raw, kind):
    _, person = site
    reply = person.client.post(
        f"/session/api/{what}",
        data=raw,
        content_type=kind,
        headers={"X-CSRFToken": person.token},
    )
    assert reply.status_code in {400, 404, 409, 415} | ({200} if what == "next" else set())


PAGES = ("consent", "screening", "device", "place", "incompatible")


@FUZZ
@given(
    page=st.sampled_from(PAGES),
    form=st.dictionaries(
        st.sampled_from(("answer", "read", "q0", "viewport_width", "refresh_hz", "touch")), WORDS
    ),
)
def test_any_form_leaves_an_active_participant_active(site, page, form):
    app, person = site
    before = state(app)
    reply = person.client.post(f"/session/{page}", data={**form, "csrf_token": person.token})
    assert reply.status_code in {303, 400}
    assert state(app) == before


DEVICE = ("viewport_width", "viewport_height", "screen_width", "screen_height", "pixel_ratio")
NUMBERS = WORDS | st.integers(-5, 10**400).map(str) | st.floats().map(str)


@FUZZ
@given(
    page=st.sampled_from(PAGES[1:-1]),
    form=st.fixed_dictionaries(dict.fromkeys((*DEVICE, "refresh_hz"), NUMBERS)),
)
def test_any_device_is_taken_or_refused(site, page, form):
    """Somebody before the claim: what is no device claims nothing."""
    app, person = site
    early = Person(app, new_uuid(), person.clock)
    early.arrive()
    early.consent()
    form["csrf_token"] = early.csrf()
    before = state(app)
    reply = early.client.post(f"/session/{page}", data=form)
    assert reply.status_code in {303, 400}
    if reply.status_code == 400:
        assert state(app) == before


@FUZZ
@given(name=SEGMENT, query=st.dictionaries(SEGMENT | st.just("participant"), WORDS, max_size=4))
def test_any_link_is_answered(site, name, query):
    app, _ = site
    for study in (name, "tiny"):
        reply = app.test_client().get(f"/study/{study}", query_string=query)
        assert reply.status_code in {303, 308, 400, 404, 409}


@FUZZ
@given(token=SEGMENT)
def test_any_picture_address_but_the_right_one_is_unknown(site, token):
    _, person = site
    assert person.client.get(f"/session/picture/{token}").status_code in {404, 308}


PLACES = (
    "",
    "study/tiny",
    "study/{}",
    "study/tiny/status",
    "study/{}/unblind",
    "study/tiny/download/{}",
    "study/{}/download/bundle.zip",
    "sign-in",
    "sign-out",
    "{}",
)


@FUZZ
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"]),
    place=st.sampled_from(PLACES),
    word=SEGMENT,
    form=st.dictionaries(st.sampled_from(("status", "confirm", "name", "password")), WORDS),
    signed_in=st.booleans(),
)
def test_any_request_to_the_researchers_pages_is_answered(
    site, boss, method, place, word, form, signed_in
):
    app, _ = site
    if place == "sign-out":
        signed_in = False
    client = boss.client if signed_in else app.test_client()
    data = {**form, "csrf_token": boss.token}
    reply = client.open(f"/admin/{place.format(word)}", method=method, data=data)
    assert reply.status_code < 500


def test_nothing_of_the_researchers_is_for_others(site):
    app, person = site
    for place in ("", "study/tiny", "study/tiny/download/responses.csv"):
        for client in (person.client, app.test_client()):
            reply = client.get(f"/admin/{place}")
            assert reply.status_code == 303
            assert reply.location == "/admin/sign-in"


def test_replayed_answers_change_nothing_and_get_the_same_reply(site):
    app, person = site
    body = person.answer_body(person.trial)
    person.show(person.trial, body)
    first = person.post("answer", **body)
    before = state(app)
    again = person.post("answer", **body)
    assert (again.status_code, again.data) == (first.status_code, first.data)
    other = person.post("answer", **{**body, "uuid": new_uuid(), "chose": "right"})
    assert other.status_code == 409
    assert state(app) == before


def test_reordered_writes_change_nothing(site):
    app, person = site
    first = person.trial
    body = person.answer_body(first)
    person.show(first, body)
    person.post("answer", **body)
    later = person.next()
    before = state(app)
    for uuid, wanted in ((body["uuid"], 200), (new_uuid(), 409)):  # overtaken, and another's
        late_onset = person.post("onset", token=first["token"], uuid=uuid)
        assert late_onset.status_code == wanted
    assert person.post("answer", **body).status_code == 200
    assert state(app) == before
    assert person.next()["token"] == later["token"]


def test_an_answer_before_the_exposure_can_have_ended_is_refused(site):
    app, person = site
    before = state(app)
    reply = person.post("answer", **person.answer_body(person.trial))
    assert reply.get_json() == {"error": "too_early"}
    assert state(app) == before


def test_a_late_answer_after_the_lease_changes_nothing(site):
    app, person = site
    body = person.answer_body(person.trial)
    person.show(person.trial, body)
    answers = state(app)[0]
    person.clock.wait(60 * 60_000)
    assert person.post("answer", **body).status_code == 410
    assert state(app)[0] == answers


def test_forged_requests_change_nothing(site):
    """Without the page's token; with another person's trial; with another person's uuid."""
    app, person = site
    body = person.answer_body(person.trial)
    person.show(person.trial, body)
    before = state(app)
    plain = person.client.post("/session/api/answer", json=body)
    assert plain.status_code == 400
    assert plain.get_json() == {"error": "forged"}
    assert person.client.post("/session/leave").status_code == 400
    assert state(app) == before
    thief = Person(app, "thief", person.clock)
    thief.begin()
    own = thief.next()
    before = state(app)
    assert thief.post("answer", **body).status_code == 404
    assert thief.client.get(person.trial["image"]).status_code == 404
    stolen = thief.post("onset", token=own["token"], uuid=body["uuid"])
    assert stolen.status_code == 409
    assert state(app) == before


def test_a_picture_is_not_sent_again_after_its_onset(site):
    _, person = site
    assert person.client.get(person.trial["image"]).status_code == 200
    person.post("onset", token=person.trial["token"], uuid=new_uuid())
    assert person.client.get(person.trial["image"]).status_code == 404


def test_a_body_beyond_the_limit_is_refused(site):
    _, person = site
    reply = person.post("event", uuid=new_uuid(), kind="ready", at_ms=1, more="x" * 100_000)
    assert reply.status_code in {400, 413}
