"""Every page, at the desktop and on a phone: accessible by axe, and no wider than the screen."""

import json
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import chromium, served
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from tiny_study import tiny_study
from werkzeug.exceptions import TooManyRequests

from twoafc_server.accounts.researchers import add
from twoafc_server.storage.database import writing
from twoafc_server.storage.models import Study

pytestmark = pytest.mark.browser

SIZES = {"desktop": {"width": 1120, "height": 760}, "phone": {"width": 390, "height": 844}}
PASSWORD = "correct horse battery"
QUESTION = {
    "question": "Do you see well, with glasses or contact lenses if you need them?",
    "answers": ["Yes", "No"],
    "accept": ["Yes"],
    "translations": {"de": {"question": "Sehen Sie gut?", "answers": ["Ja", "Nein"]}},
}


def study():
    quick = {"exposures_ms": [200], "fixation_ms": 50, "mask_ms": 50, "feedback_ms": 50}
    return tiny_study(
        design={"systems": ["sr3"], "tasks": ["task2"]},
        timing=quick,
        languages=["de"],
        screening=[QUESTION],
        platform={"codes": {"full": "F-1", "no_consent": "N-1"}, "redirect": REDIRECT},
        contact={"data_protection": "officer@example.org", "ethics": "vote 12/26"},
    )


REDIRECT = "https://example.org/?cc={code}"


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def app(lite, clock):
    """The study; two places; pages that fail as the server does when it is away, busy or broken."""
    made = lite(study())
    with writing(made.extensions["twoafc_engine"]) as session:
        add(session, "ann", PASSWORD, clock())
    for name, error in {
        "wait": OperationalError("SELECT 1", {}, Exception("away")),
        "busy": TooManyRequests(),
        "wrong": RuntimeError("broken"),
    }.items():
        made.add_url_rule(f"/{name}", f"test_{name}", fails(error))
    return made


def fails(error):
    def view():
        raise error

    return view


class Seen:
    """What axe found, and pages that are wider than the screen, by name of the page."""

    def __init__(self) -> None:
        self.axe, self.found = Axe(), {}

    def look(self, page, name: str) -> None:
        violations = self.axe.run(page).response["violations"]
        wrong = [[v["id"], [node["html"] for node in v["nodes"]]] for v in violations]
        wide = "() => document.documentElement.scrollWidth - window.innerWidth"
        if page.evaluate(wide) > 0:
            wrong.append(["wider than the screen"])
        self.found[name] = wrong

    @property
    def wrong(self) -> str:
        """All that is wrong with any page, as text; nothing where all are right."""
        wrong = {name: found for name, found in self.found.items() if found}
        return json.dumps(wrong, indent=1) if wrong else ""


@pytest.fixture(params=SIZES)
def page(request, browser):
    made = browser.new_page(viewport=SIZES[request.param], has_touch=request.param == "phone")
    yield made
    made.close()


def to_device(page, home: str, name: str) -> None:
    page.goto(f"{home}/study/tiny?participant={name}")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="I agree").click()
    page.get_by_label("Yes").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Continue").wait_for()


def test_every_page_on_the_way_to_the_code(app, page):
    seen = Seen()
    with served(app) as home:
        page.goto(f"{home}/study/tiny?participant=a&lang=de")
        seen.look(page, "consent in German")
        page.get_by_role("link", name="English").click()
        seen.look(page, "consent")
        page.goto(f"{home}/study/tiny/privacy")
        seen.look(page, "privacy, with a reference")
        page.goto(f"{home}/session")
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="I agree").click()
        seen.look(page, "screening")
        page.get_by_label("Yes").check()
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="Continue").wait_for()
        seen.look(page, "device")
        page.get_by_role("button", name="Continue").click()
        seen.look(page, "instructions")
        page.get_by_role("link", name="Begin").click()
        page.get_by_role("button", name="Start").wait_for()
        seen.look(page, "ready")
        page.get_by_role("button", name="Start").click()
        page.wait_for_function("() => !document.getElementById('left').disabled")
        seen.look(page, "answer")
        page.goto(f"{home}/session/leave")
        seen.look(page, "leave")
        page.get_by_role("button", name="Leave the study").click()
        seen.look(page, "left")
        page.goto(f"{home}/study/tiny?participant=a")
        seen.look(page, "again")
    assert seen.wrong == ""
    assert len(seen.found) == 11


def set_status(app, status: str) -> None:
    with writing(app.extensions["twoafc_engine"]) as session:
        session.scalars(select(Study)).one().status = status


def test_every_page_that_says_no_or_not_now(app, page):
    seen = Seen()
    with served(app) as home:
        page.goto(f"{home}/study/tiny?participant=r")
        page.get_by_role("button", name="I do not agree").click()
        seen.look(page, "refused")
        for name in ("wait", "busy", "wrong", "study/none", "study/tiny"):
            page.goto(f"{home}/{name}")
            seen.look(page, name)
        for status in ("paused", "closed"):
            set_status(app, status)
            page.goto(f"{home}/study/tiny?participant=n")
            seen.look(page, status)
        set_status(app, "open")
        everybody_comes(app, page, home, seen)
    assert seen.wrong == ""
    assert len(seen.found) == 11


def everybody_comes(app, page, home: str, seen: Seen) -> None:
    """One who waits at the device check while others take all places, and a newcomer."""
    places = 2
    to_device(page, home, "late")
    seen.look(page, "checked")
    for n in range(places):
        other = page.context.browser.new_page(viewport=SIZES["desktop"])
        to_device(other, home, f"o{n}")
        other.get_by_role("button", name="Continue").click()
        other.get_by_role("link", name="Begin").wait_for()
        other.close()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Try again").wait_for()
    seen.look(page, "full, at the last step")
    page.goto(f"{home}/study/tiny?participant=new")
    seen.look(page, "full")


def test_every_page_of_the_researchers(app, page):
    seen = Seen()
    with served(app) as home:
        page.goto(f"{home}/admin/")
        seen.look(page, "sign-in")
        for word in ("wrong", PASSWORD):
            page.get_by_label("Name").fill("ann")
            page.get_by_label("Password").fill(word)
            page.get_by_role("button", name="Sign in").click()
            seen.look(page, f"after {word}")
        page.get_by_role("link", name="tiny").click()
        seen.look(page, "study")
        page.get_by_role("button", name="Sign out everywhere").click()
        seen.look(page, "signed out")
    assert seen.wrong == ""
    assert len(seen.found) == 5


def test_a_screen_that_is_too_small_is_told_so(app, browser):
    seen = Seen()
    with served(app) as home:
        page = browser.new_page(viewport={"width": 320, "height": 180})
        page.goto(f"{home}/study/tiny?participant=s")
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="I agree").click()
        page.get_by_label("Yes").check()
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="Try again").wait_for()
        seen.look(page, "too small")
        page.get_by_role("button", name="I cannot use another").click()
        seen.look(page, "not suitable")
        page.close()
    assert seen.wrong == ""
    assert len(seen.found) == 2
