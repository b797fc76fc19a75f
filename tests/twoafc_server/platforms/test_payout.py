"""Paying people: decisions, lists, and a platform that fails in every way but pays nobody twice."""

import contextlib
import csv
import random
import re
import shutil

import pytest
from browsing import served
from fake_prolific import TOKEN, FakeProlific, signed
from person import Person
from sqlalchemy import func, select
from tiny_study import KEYS, Clock, make_study, tiny_study

from twoafc_server.base import environment as names
from twoafc_server.base.errors import InputError
from twoafc_server.cli import payout
from twoafc_server.platforms.decisions import Facts, decide
from twoafc_server.platforms.money import Money, money
from twoafc_server.platforms.prolific import Prolific
from twoafc_server.storage import payouts
from twoafc_server.storage.database import reading, writing
from twoafc_server.storage.models import Identity, Participant, Payout, PlatformStatus
from twoafc_server.storage.participants import erase
from twoafc_server.web.app import create_app
from twoafc_server.web.installation.settings import Limits, Settings


class ProlificPerson(Person):
    def arrive(self):
        ids = f"PROLIFIC_PID={self.name}&STUDY_ID=s1&SESSION_ID=sub-{self.name}"
        return self.client.get(f"/study/tiny?{ids}", follow_redirects=True)


@pytest.fixture(scope="module")
def walked(tmp_path_factory, stimuli):
    """Two who finished, one who refused, one on the way, one whose lease ran out: file and time.

    They walk once for all tests, each of which gets a copy.
    """
    clock, place = Clock(), tmp_path_factory.mktemp("walked") / "study.db"
    url = f"sqlite:///{place}"
    make_study(url, tiny_study(platform={"kind": "prolific"}), stimuli, clock).dispose()
    app = create_app(served_by(url, clock))
    late = ProlificPerson(app, "late", clock)
    late.begin()
    clock.wait(3_600_000)
    late.client.get("/session")
    for name in ("done1", "done2"):
        ProlificPerson(app, name, clock).take_part()
    refuser = ProlificPerson(app, "refuser", clock)
    refuser.arrive()
    refuser.submit("consent", answer="refuse")
    ProlificPerson(app, "busy", clock).begin()
    app.extensions["twoafc_engine"].dispose()
    return place, clock.now


def served_by(url, clock):
    limits = Limits(enabled=False)
    return Settings(url, KEYS, secure=False, limits=limits, clock=clock, webhook_secret="hook")


@pytest.fixture
def app(walked, clock, monkeypatch, tmp_path):
    place, clock.now = walked
    url = f"sqlite:///{shutil.copy(place, tmp_path / 'study.db')}"
    monkeypatch.setenv(names.SECRET, KEYS.secret.decode())
    monkeypatch.setenv(names.PSEUDONYM_KEY, KEYS.pseudonym_key.decode())
    monkeypatch.setenv(names.DATABASE, url)
    app = create_app(served_by(url, clock))
    yield app
    app.extensions["twoafc_engine"].dispose()


@pytest.fixture
def fake():
    made = FakeProlific()
    for person in ("done1", "done2", "late", "refuser", "stranger"):
        made.add(f"sub-{person}", person)
    made.add("sub-busy", "busy", "ACTIVE")
    return made


@pytest.fixture
def home(fake):
    with served(fake.app()) as address:
        yield f"{address}/api/v1/"


@pytest.fixture
def do(home, tmp_path, monkeypatch, capsys):
    """Runs `payout ACTION`, returns its exit code and what it printed."""
    monkeypatch.chdir(tmp_path)
    pauses: list[float] = []
    api = Prolific(TOKEN, home, timeout=0.4, pause=pauses.append)

    def run(action, *more, platform=True):
        study = ["--platform-study", "s1"] if platform else []
        code = payout.main([action, "tiny", *study, *more], api)
        return code, capsys.readouterr().out

    run.pauses = pauses
    return run


def confirm(out: str) -> list[str]:
    return ["--confirm", re.search(r"--confirm (\w+)", out).group(1)]


def test_every_decision_has_its_reason_in_one_line(app, do, tmp_path):
    code, out = do("plan")
    assert code == 0
    text = (tmp_path / "payout/decisions.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    found = {row["participant"]: (row["decision"], row["reason"]) for row in rows}
    assert len(found) == 6

    def of(name):
        return found[KEYS.pseudonym("tiny", name)]

    assert of("done1") == ("approve", "finished, 4 of 4 trials answered")
    assert of("refuser") == ("return", "did not agree to take part")
    assert of("late")[0] == "return"
    assert of("busy")[0] == "none"
    assert of("stranger") == ("by hand", "never arrived at this study")
    assert (tmp_path / "payout/approve.csv").read_text().split() == ["done1", "done2"]
    # Known again by the pseudonym: the raw id of who refused was deleted at once.
    assert set((tmp_path / "payout/return.csv").read_text().split()) == {"late", "refuser"}
    assert "approve 2, return 2, by hand 1, bonus 0" in out
    assert "done1" not in out


def test_a_plan_asks_for_nothing_and_sending_needs_its_digest(app, do, fake):
    _, out = do("plan")
    assert not fake.paid
    with pytest.raises(InputError, match="plan again"):
        do("send", "--confirm", "0000000000")
    fake.submissions["sub-done2"]["status"] = "RETURNED"
    with pytest.raises(InputError, match="plan again"):
        do("send", *confirm(out))
    assert not fake.paid


def test_sending_twice_pays_once(app, do, fake, tmp_path):
    (tmp_path / "b.csv").write_text("done1,0.30\ndone2,1.25\n")
    bonus = ["--bonus", "b.csv", "--label", "thanks", "--currency", "GBP"]
    _, out = do("plan", *bonus)
    assert "bonus 2 of 1.55 GBP" in out
    code, out = do("send", *bonus, *confirm(out))
    assert (code, "all acknowledged" in out) == (0, True)
    assert fake.paid == {"done1": 180, "done2": 275}
    assert fake.messages == {"late": 1, "refuser": 1}
    for _ in range(3):
        _, out = do("plan", *bonus)
        assert do("send", *bonus, *confirm(out))[0] == 0
    assert fake.paid == {"done1": 180, "done2": 275}
    assert fake.messages == {"late": 1, "refuser": 1}


@pytest.mark.parametrize(
    ("fault", "state"),
    [("before", "sending"), ("after", "sending"), ("hang", "sending"), ("limit", "done")],
)
def test_a_lost_reply_to_a_payment_is_settled_and_never_repeated(
    app, do, fake, tmp_path, fault, state
):
    (tmp_path / "b.csv").write_text("done1,0.30\n")
    bonus = ["--bonus", "b.csv", "--label", "thanks", "--currency", "GBP"]
    fake.faults["pay"] = [fault]
    _, out = do("plan", *bonus)
    do("send", *bonus, *confirm(out))
    with reading(app.extensions["twoafc_engine"]) as session:
        assert session.scalar(select(Payout.state).where(Payout.kind == "bonus")) == state
    _, out = do("plan", *bonus)
    do("send", *bonus, *confirm(out))
    reached = fault != "before"
    assert fake.paid["done1"] == 150 + 30 * reached
    code, _ = do("settle")
    assert code == (0 if reached else 1)
    if not reached:
        assert do("settle", "--not-paid")[0] == 0
        _, out = do("plan", *bonus)
        assert do("send", *bonus, *confirm(out))[0] == 0
    assert fake.paid["done1"] == 180


@pytest.mark.parametrize("seed", range(6))
def test_whatever_fails_nobody_is_paid_twice_and_in_the_end_everybody_once(
    app, do, fake, tmp_path, seed
):
    rng = random.Random(seed)
    (tmp_path / "b.csv").write_text("done1,0.30\ndone2,1.25\n")
    bonus = ["--bonus", "b.csv", "--label", "thanks", "--currency", "GBP"]
    for _ in range(3):
        fake.faults = {
            name: rng.choices(["", "before", "after", "limit"], k=8)
            for name in ("list", "transition", "return", "bonus", "pay", "study", "one")
        }
        with contextlib.suppress(InputError):
            _, out = do("plan", *bonus)
            do("send", *bonus, *confirm(out))
        assert all(fake.paid[p] <= total for p, total in (("done1", 180), ("done2", 275)))
    fake.faults = {}
    if do("settle")[0]:
        do("settle", "--not-paid")
    _, out = do("plan", *bonus)
    assert do("send", *bonus, *confirm(out))[0] == 0
    assert fake.paid == {"done1": 180, "done2": 275}
    assert fake.messages == {"late": 1, "refuser": 1}


def test_the_platforms_pause_is_kept(app, do, fake):
    fake.faults["list"] = ["limit", "before"]
    do("plan")
    assert do.pauses == [7.0, 2.0]


def test_amounts_that_the_platform_understood_otherwise_are_not_paid(
    app, do, fake, tmp_path, monkeypatch
):
    (tmp_path / "b.csv").write_text("done1,0.30\n")
    bonus = ["--bonus", "b.csv", "--label", "x", "--currency", "GBP"]
    monkeypatch.setattr(Money, "major", "30")
    _, out = do("plan", *bonus)
    code, out = do("send", *bonus, *confirm(out))
    assert code == 1
    assert "understood 3000" in out
    assert fake.paid["done1"] == 150


@pytest.mark.parametrize(
    ("row", "more", "wanted"),
    [
        ("done1,30", [], "wanted two decimals"),
        ("done1,0.3", [], "wanted two decimals"),
        ("done1,0.00", [], "more than nothing"),
        ("done1,-1.00", [], "wanted two decimals"),
        ("done1,30.00", [], "over --most 5.00 GBP"),
        ("nobody,0.30", [], "of this study"),
        ("done1,0.30\ndone1,0.30", [], "there twice"),
        ("done1,0.30", ["--currency", "XXX"], "wanted one of GBP"),
        ("done1,0.30", ["--label", ""], "needs --label"),
    ],
)
def test_units_and_limits_of_money_are_checked(app, do, tmp_path, row, more, wanted):
    (tmp_path / "b.csv").write_text(row + "\n")
    with pytest.raises(InputError, match=wanted):
        do("plan", "--bonus", "b.csv", "--label", "x", "--currency", "GBP", *more)


def test_a_study_in_another_currency_is_not_paid(app, do, fake, tmp_path):
    (tmp_path / "b.csv").write_text("done1,0.30\n")
    fake.currency = "USD"
    bonus = ["--bonus", "b.csv", "--label", "x", "--currency", "GBP"]
    _, out = do("plan", *bonus)
    with pytest.raises(InputError, match="pays in USD"):
        do("send", *bonus, *confirm(out))
    assert fake.paid["done1"] == 150


def test_money_reads_back_what_it_writes():
    for minor in (1, 30, 99, 100, 101, 12345):
        assert money(Money(minor, "EUR").major, "EUR").minor == minor


def test_by_hand_without_an_api(app, do, tmp_path):
    """As for CloudResearch Connect or a generic service: lists, then `record`."""
    _, out = do("plan", platform=False)
    assert (tmp_path / "payout/approve.csv").read_text().split() == ["done1", "done2"]
    assert do("record", *confirm(out), platform=False)[0] == 0
    _, out = do("plan", platform=False)
    assert (tmp_path / "payout/approve.csv").read_text() == ""
    assert "in the ledger already" in out
    assert do("ledger")[1].count("approve") == 2


def test_the_ledger_outlives_an_erased_participant(app, do, fake):
    _, out = do("plan")
    do("send", *confirm(out))
    with writing(app.extensions["twoafc_engine"]) as session:
        pseudonym = KEYS.pseudonym("tiny", "done1")
        person = session.scalars(select(Participant).filter_by(pseudonym=pseudonym)).one()
        erase(session, person)
    with reading(app.extensions["twoafc_engine"]) as session:
        rows = session.scalars(select(Payout).where(Payout.participant_id.is_(None))).all()
        assert [(row.kind, row.reason) for row in rows] == [("approve", "")]
        everything = str([vars(row) for row in rows])
        assert pseudonym not in everything
        assert "done1" not in everything
        assert session.scalar(select(func.count()).where(Identity.external_id == "done1")) == 0


@pytest.mark.parametrize("status", ["completed", "failed_checks"])
def test_who_finished_is_paid_whatever_the_checks_say(status):
    assert decide(Facts(status, 60, 63), "AWAITING REVIEW").kind == "approve"
    assert decide(Facts(status, 60, 63), "APPROVED").kind == "none"
    assert decide(Facts(status, 60, 63), "TIMED-OUT").kind == "by hand"


def status(app, name):
    with reading(app.extensions["twoafc_engine"]) as session:
        query = select(PlatformStatus.status).join(
            Participant, Participant.id == PlatformStatus.participant_id
        )
        return session.scalar(query.where(Participant.pseudonym == KEYS.pseudonym("tiny", name)))


def event(name, status):
    kind = "submission.status.change"
    return {
        "resource_id": f"sub-{name}",
        "event_type": kind,
        "participant_id": name,
        "status": status,
    }


def test_webhooks_in_any_order_and_number_end_alike(app, clock):
    client, at = app.test_client(), clock() // 1000
    sent = [(at - 3, "ACTIVE"), (at - 2, "AWAITING REVIEW"), (at - 1, "APPROVED")]
    rng = random.Random(0)
    for _ in range(5):
        order = sent * 2
        rng.shuffle(order)
        for stamp, word in order:
            assert (
                client.post(
                    "/hooks/prolific", **signed("hook", stamp, event("done1", word))
                ).status_code
                == 200
            )
        assert status(app, "done1") == "APPROVED"
    # An old event that is sent again later, with a new time stamp.
    client.post("/hooks/prolific", **signed("hook", at + 5, event("done1", "ACTIVE")))
    assert status(app, "done1") == "APPROVED"


def test_forged_stale_and_foreign_webhooks_change_nothing(app, clock):
    client, at = app.test_client(), clock() // 1000
    right = signed("hook", at, event("done1", "APPROVED"))
    wrong = signed("other", at, event("done1", "APPROVED"))
    changed = {**right, "data": right["data"].replace("APPROVED", "REJECTED")}
    stale = signed("hook", at - 3600, event("done1", "APPROVED"))
    for request in (wrong, changed, stale, {"data": right["data"]}):
        assert client.post("/hooks/prolific", **request).status_code == 404
    client.post("/hooks/prolific", **signed("hook", at, event("nobody", "APPROVED")))
    client.post("/hooks/prolific", **signed("hook", at, {"event_type": "study.status.change"}))
    assert status(app, "done1") is None


def test_without_a_secret_there_is_no_webhook(lite, clock):
    client = lite(tiny_study()).test_client()
    request = signed("", clock() // 1000, event("a", "APPROVED"))
    assert client.post("/hooks/prolific", **request).status_code == 404


def test_a_row_can_be_claimed_once(app):
    entry = payouts.Entry(KEYS.pseudonym("tiny", "done1"), "bonus", "x", "l", 30, "GBP")
    got = []
    for _ in range(3):
        with writing(app.extensions["twoafc_engine"]) as session:
            from twoafc_server.storage.studies import find

            got.append(payouts.claim(session, find(session, "tiny"), KEYS, entry, 1))
    assert got == [True, False, False]
