"""A bot that takes part over HTTP: every request a participant's browser makes, without one."""

import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urljoin
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

from twoafc_server.base.errors import InputError
from twoafc_server.simulation.crowd import Crowd, Fate, fate
from twoafc_server.simulation.eye import Eye
from twoafc_server.simulation.forms import Page

# A desktop browser as the device check would report it.
DEVICE = {
    "viewport_width": 1600,
    "viewport_height": 1000,
    "screen_width": 1600,
    "screen_height": 1200,
    "pixel_ratio": 1,
    "refresh_hz": 60,
    "touch": 0,
}
FRAME_MS = 1000 / 60
PAGES = 8  # more than any participant meets before the trials


@dataclass(frozen=True)
class Visit:
    """How one bot fared.

    Attributes:
        outcome: `completed`, `left` or `stopped` (the study would not have it).
        answers: answers given, practice and catch trials included.
        code: the completion code, "" for none.
        second: status of the second arrival's reply, None where there was none; a second arrival
            must bring no new trial.
    """

    person: str
    outcome: str
    answers: int
    code: str = ""
    second: int | None = None


@dataclass(frozen=True)
class Tour:
    """What all bots of a run share.

    Attributes:
        link: address of the study with `{id}` where the participant's id goes.
        trials: trials of one participant, of which some leave before the last.
        wait: sleeps so many seconds; tests put a faster clock in its place.
    """

    link: str
    crowd: Crowd
    eye: Eye
    trials: int
    wait: Callable[[float], None] = time.sleep


class Browserless:
    """Cookies, redirects and errors of one visitor."""

    def __init__(self) -> None:
        self._opener: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))
        self.url = ""

    def fetch(self, url: str, data: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Status and body; `url` follows redirects and is where relative addresses start."""
        request = Request(urljoin(self.url, url), data, headers)
        try:
            with self._opener.open(request, timeout=60) as reply:
                self.url = reply.url
                return int(reply.status), reply.read()
        except HTTPError as error:
            return error.code, error.read()
        except URLError as error:
            raise InputError(f"found no server at {request.full_url}: {error.reason}") from error

    def page(self, url: str, form: dict[str, Any] | None = None) -> tuple[int, Page]:
        """A page, by GET or by sending a form."""
        status, body = self.fetch(url, urlencode(form).encode() if form is not None else None)
        return status, Page(body.decode("utf-8", "replace"))

    def send(self, url: str, csrf: str, table: dict[str, Any]) -> dict[str, Any]:
        """What the script of the trials page does: JSON in, JSON out."""
        headers = {"Content-Type": "application/json", "X-CSRFToken": csrf}
        status, body = self.fetch(url, json.dumps(table).encode(), **headers)
        reply: dict[str, Any] = json.loads(body) if status < 500 else {}
        return {**reply, "status": status}


def visit(person: str, tour: Tour) -> Visit:
    """Take part once as `person`, and once more if that is their fate."""
    plan = fate(tour.crowd, person, tour.trials)
    visitor = Browserless()
    link = tour.link.replace("{id}", quote(person, safe=""))
    _, page = _walk_in(visitor, link)
    if "next" not in page.data:
        return Visit(person, "stopped", 0)
    done = _trials(visitor, page, person, tour, plan)
    if plan.comes_back and done.outcome == "completed":
        status, again = Browserless().page(link)
        if "next" in again.data or again.form("consent"):
            raise RuntimeError(f"{person} was let in a second time")
        return Visit(person, done.outcome, done.answers, done.code, status)
    return done


def _walk_in(visitor: Browserless, link: str) -> tuple[int, Page]:
    """From the link to the trials page, or to wherever the study ends the visit."""
    status, page = visitor.page(link)
    for _ in range(PAGES):
        answer = _next_form(page)
        if answer is None:
            break
        status, page = visitor.page(*answer)
    if status == 200 and not page.forms and not page.code:
        status, page = visitor.page("/session/trials")
    return status, page


def _next_form(page: Page) -> tuple[str, dict[str, Any]] | None:
    known: dict[str, dict[str, Any]] = {
        "/consent": {"answer": "agree", "read": "yes"},
        "/screening": {},
        "/device": DEVICE,
    }
    for ending, values in known.items():
        form = page.form(ending)
        if form:
            return form.action, {**form.values, **values}
    return None


def _trials(visitor: Browserless, page: Page, person: str, tour: Tour, plan: Fate) -> Visit:
    answers = 0
    while True:
        trial = visitor.send(page.data["next"], page.csrf, {})
        if trial.get("state") == "over":
            _, end = visitor.page(trial["go"])
            return Visit(person, "completed", answers, end.code)
        if trial["status"] != 200:
            return Visit(person, "stopped", answers)
        if answers == plan.leaves_after:
            return Visit(person, "left", answers)
        _one_trial(visitor, page, person, tour, trial)
        answers += 1


def _one_trial(
    visitor: Browserless, page: Page, person: str, tour: Tour, trial: dict[str, Any]
) -> None:
    _, composite = visitor.fetch(trial["image"])
    attempt = {"token": trial["token"], "uuid": str(uuid.uuid4())}
    visitor.send(page.data["onset"], page.csrf, attempt)
    chose = choice(trial, composite, person, tour)
    exposure = trial["exposure_ms"]
    tour.wait((exposure + FRAME_MS) / 1000)
    reply = visitor.send(
        page.data["answer"], page.csrf, {**attempt, "chose": chose, **_measured(exposure)}
    )
    if reply["status"] != 200:
        raise RuntimeError(f"{person}: an answer was refused: {reply}")


def choice(trial: dict[str, Any], composite: bytes, person: str, tour: Tour) -> str:
    """The side the bot chooses: as told on a catch trial, else by what it sees.

    Practice is answered rightly: its outputs may be of systems without a true rate.
    """
    if trial["ask"] != trial["question"]:
        return "left" if "left" in trial["ask"].lower() else "right"
    sight = tour.eye.look(composite, trial["panels"])
    fooled = not trial["practice"] and tour.crowd.chooses_model(
        person, sight.image, sight.system, sight.left
    )
    return "left" if fooled == sight.left else "right"


def _measured(exposure: float) -> dict[str, Any]:
    return {
        "input": "key",
        "rt_ms": 640,
        "exposure_ms": exposure,
        "frame_ms": FRAME_MS,
        "frames_dropped": 0,
        "hidden_ms": 0,
        "blurred_ms": 0,
        "early_presses": 0,
        "viewport_width": DEVICE["viewport_width"],
        "viewport_height": DEVICE["viewport_height"],
        "pixel_ratio": 1,
        "zoom": 1,
    }


def send_bots(tour: Tour, people: list[str], at_once: int) -> list[Visit]:
    """Let `people` take part, at most `at_once` at a time; visits in the order of `people`."""
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        return list(pool.map(lambda person: visit(person, tour), people))
