"""The participant's way, page by page, on both databases: every way out, and resuming."""

import pytest
from person import Person
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from tiny_study import Clock, tiny_study

from twoafc_server.export.proof import prove
from twoafc_server.storage.database import reading, writing
from twoafc_server.storage.models import (
    Event,
    Identity,
    Participant,
    Response,
    Showing,
    Slot,
    Study,
    Texts,
)
from twoafc_server.storage.studies import set_status


def count(app, model, **where) -> int:
    with reading(app.extensions["twoafc_engine"]) as session:
        return session.scalar(select(func.count()).select_from(model).filter_by(**where))


def participant(app, n: int = 0) -> Participant:
    with reading(app.extensions["twoafc_engine"]) as session:
        return session.scalars(select(Participant).order_by(Participant.id)).all()[n]


def write(app) -> Session:
    return writing(app.extensions["twoafc_engine"])


def test_from_link_to_code(app, clock):
    person = Person(app, "alice", clock)
    page = person.take_part()
    assert "Thank you" in page.text
    assert "Your completion code" in page.text
    assert participant(app).status == "completed"
    assert count(app, Response) == count(app, Showing) == 4
    assert count(app, Slot, state="done") == 1
    with reading(app.extensions["twoafc_engine"]) as session:
        stored = session.scalars(select(Response)).all()
        assert {r.texts_sha256 for r in stored} == set(session.scalars(select(Texts.sha256)))
        assert [r.client_uuid for r in stored] == [a["uuid"] for a in person.answers]
        assert participant(app).consent_texts == stored[0].texts_sha256
        study = session.scalars(select(Study)).one()
        assert all(finding.holds for finding in prove(session, study))


def test_ids_leave_the_address_and_live_in_one_table(app, clock):
    person = Person(app, "alice-id", clock)
    reply = person.client.get("/study/tiny?participant=alice-id")
    assert reply.status_code == 303
    assert reply.location == "/session"
    assert count(app, Identity, external_id="alice-id") == 1
    assert "alice" not in participant(app).pseudonym


def test_all_places_fill_exactly_and_then_the_study_is_full(app, clock):
    for n in range(8):
        Person(app, f"p{n}", clock).take_part()
    late = Person(app, "late", clock).arrive()
    assert late.status_code == 409
    assert "All places are taken" in late.text
    assert count(app, Slot, state="done") == 8
    assert count(app, Participant, status="completed") == 8
    with reading(app.extensions["twoafc_engine"]) as session:
        findings = prove(session, session.scalars(select(Study)).one())
    assert all(finding.holds for finding in findings)
    assert any("16 of 16 test showings" in finding.detail for finding in findings)


def test_full_between_arrival_and_claim_can_try_again(app, clock):
    waiting = Person(app, "waiting", clock)
    waiting.arrive()
    waiting.consent()
    others = [Person(app, f"p{n}", clock) for n in range(8)]
    for other in others:
        other.begin()
    page = waiting.pass_device()
    assert page.status_code == 409
    assert "All places are taken" in page.text
    clock.wait(60 * 60_000)
    page = waiting.submit("place")
    assert "What to do" in page.text


def test_refusal(app, clock):
    person = Person(app, "bob", clock)
    person.arrive()
    page = person.submit("consent", answer="refuse")
    assert "No problem" in page.text
    assert participant(app).status == "no_consent"
    assert count(app, Identity) == 0
    assert "You have already taken part" in Person(app, "bob", clock).arrive().text
    assert count(app, Slot, state="claimed") == 0


def test_consent_needs_the_ticked_box(app, clock):
    person = Person(app, "bob", clock)
    person.arrive()
    page = person.submit("consent", answer="agree")
    assert "Before you begin" in page.text
    assert participant(app).status == "arrived"


@pytest.mark.parametrize(
    ("answer", "title"), [("No", "Thank you for your interest"), ("Yes", "Checking")]
)
def test_screening(lite, clock, answer, title):
    question = {"question": "Good eyesight?", "answers": ["Yes", "No"], "accept": ["Yes"]}
    app = lite(tiny_study(screening=[question]))
    person = Person(app, "bob", clock)
    person.arrive()
    assert "Good eyesight?" in person.consent().text
    assert title in person.submit("screening", q0=answer).text


def test_incompatible_device(app, clock):
    person = Person(app, "bob", clock)
    person.arrive()
    person.consent()
    page = person.submit("incompatible")
    assert "This device is not suitable" in page.text
    assert participant(app).status == "incompatible"


def test_second_arrival_goes_on_and_ends_the_first_window(app, clock):
    first = Person(app, "carol", clock)
    first.begin()
    first.do(first.next())
    second = Person(app, "carol", clock)
    second.arrive()
    assert second.open_trials().status_code == 200
    moved = first.post("next")
    assert moved.status_code == 401
    assert moved.get_json() == {"error": "moved"}
    second.finish()
    assert count(app, Participant) == 1
    assert count(app, Response) == 4


def test_arrival_after_the_end_shows_the_outcome_again(app, clock):
    person = Person(app, "carol", clock)
    first = person.take_part()
    code = first.text.split('id="code">')[1].split("<")[0]
    again = Person(app, "carol", clock).arrive()
    assert "You have already taken part" in again.text
    assert code in again.text
    assert count(app, Participant) == 1


def test_reload_goes_on_with_the_next_trial_and_burns_the_one_on_screen(app, clock):
    person = Person(app, "dave", clock)
    person.begin()
    person.do(person.next())
    shown = person.next()
    person.show(shown, person.answer_body(shown))
    person.client.get("/session", follow_redirects=True)
    person.open_trials()
    after = person.next()
    assert after["token"] != shown["token"]
    late = person.post("answer", **person.answer_body(shown))
    assert late.status_code == 409
    page = person.finish()
    assert "Thank you" in page.text
    assert count(app, Showing) == 4
    assert count(app, Response) == 3


def test_reload_before_onset_shows_the_same_trial(app, clock):
    person = Person(app, "dave", clock)
    person.begin()
    first = person.next()
    person.client.get(first["image"])
    person.open_trials()
    assert person.next()["token"] == first["token"]


def test_an_expired_lease_frees_the_slot_whole_for_the_same_plan(app, clock):
    slow = Person(app, "slow", clock)
    slow.begin()
    slow.do(slow.next())
    plan = participant(app).slot_id
    clock.wait(tiny_study().lease_minutes * 60_000 + 1)
    assert "time for this study has run out" in slow.client.get("/session").text
    assert slow.post("next").status_code == 410
    assert count(app, Slot, state="free") == 8
    heir = Person(app, "heir", clock)
    heir.begin()
    assert participant(app, 1).slot_id == plan
    heir.finish()
    assert count(app, Response) == 5
    with reading(app.extensions["twoafc_engine"]) as session:
        assert all(f.holds for f in prove(session, session.scalars(select(Study)).one()))


def test_an_abandoned_slot_goes_to_the_next_who_comes(app, clock):
    for n in range(8):
        Person(app, f"gone{n}", clock).begin()
    clock.wait(tiny_study().lease_minutes * 60_000 + 1)
    heir = Person(app, "heir", clock)
    assert "Thank you" in heir.take_part().text
    assert count(app, Participant, status="expired") == 1
    back = Person(app, "gone0", clock).arrive()
    assert "time for this study has run out" in back.text


def test_leaving_deletes_the_answers_and_frees_the_slot(app, clock):
    person = Person(app, "erin", clock)
    person.begin()
    person.do(person.next())
    assert "Leave the study?" in person.client.get("/session/leave").text
    page = person.submit("leave")
    assert "You have left the study" in page.text
    assert count(app, Response) == count(app, Showing) == 0
    assert count(app, Slot, state="free") == 8


@pytest.mark.parametrize(
    ("status", "code", "title"), [("paused", 503, "paused"), ("closed", 410, "closed")]
)
def test_no_newcomer_in_a_paused_or_closed_study_but_others_finish(app, clock, status, code, title):
    inside = Person(app, "inside", clock)
    inside.begin()
    with write(app) as session:
        set_status(session, session.scalars(select(Study)).one(), status, "me", clock())
    page = Person(app, "outside", clock).arrive()
    assert page.status_code == code
    assert title in page.text
    assert count(app, Participant) == 1
    assert "Thank you" in inside.finish().text


def test_failed_checks_are_paid_and_excluded_or_replaced(lite, clock):
    for n, (rule, status, slot) in enumerate(
        [("exclude", "completed", "done"), ("replace", "failed_checks", "free")]
    ):
        app = lite(tiny_study(rules={"failed_checks": rule}))
        person = Person(app, f"f{n}", clock)
        person.begin()
        while (trial := person.next())["state"] == "trial":
            body = person.answer_body(trial)
            if "LEFT" in trial["ask"] or "RIGHT" in trial["ask"]:
                body["chose"] = "right" if body["chose"] == "left" else "left"
            person.show(trial, body)
            person.post("answer", **body)
        assert participant(app).status == status
        with reading(app.extensions["twoafc_engine"]) as session:
            held = session.get(Slot, participant(app).slot_id)
            assert held.state == slot


def test_practice_gives_feedback_and_no_other_trial_does(app, clock):
    person = Person(app, "fay", clock)
    person.begin()
    replies = []
    while (trial := person.next())["state"] == "trial":
        replies.append((trial["practice"], person.do(trial).get_json()))
    assert [set(reply) for practice, reply in replies if practice] == [{"state", "right", "next"}]
    assert all(set(reply) == {"state", "next"} for practice, reply in replies if not practice)


def test_platform_codes_and_the_way_back(lite, clock):
    codes = {"completed": "DONE1", "no_consent": "NO1"}
    app = lite(tiny_study(platform={"kind": "prolific", "codes": codes}))
    person = Person(app, "x", clock)
    link = "/study/tiny?PROLIFIC_PID=5f1&STUDY_ID=1&SESSION_ID=2"
    person.client.get(link, follow_redirects=True)
    page = person.submit("consent", answer="refuse")
    assert 'href="https://app.prolific.com/submissions/complete?cc=NO1"' in page.text
    missing = person.client.get("/study/tiny?STUDY_ID=1")
    assert missing.status_code == 400
    assert "link is not complete" in missing.text


def test_a_local_link_meets_each_browser_once(lite, clock):
    app = lite(tiny_study(platform={"kind": "local"}))
    client = app.test_client()
    client.get("/study/tiny", follow_redirects=True)
    client.get("/study/tiny", follow_redirects=True)
    assert count(app, Participant) == 1
    app.test_client().get("/study/tiny")
    assert count(app, Participant) == 2


def test_the_ledger_keeps_what_the_page_reports_once(app, clock):
    person = Person(app, "gil", clock)
    person.begin()
    trial = person.next()
    event = {
        "uuid": "00000000-0000-4000-8000-000000000001",
        "kind": "hidden",
        "at_ms": 12.5,
        "token": trial["token"],
    }
    for _ in range(2):
        assert person.post("event", **event).status_code == 200
    assert count(app, Event, kind="hidden") == 1


def test_the_clock_of_the_tests_is_the_clock_of_the_server(app, clock: Clock):
    Person(app, "h", clock).arrive()
    assert participant(app).arrived_at == clock.now
