"""A participant as the page's script behaves: one picture, onset and answer per trial, every write
repeated with growing pauses until the server has said that it has it."""

import asyncio
import json
import random
import time
import uuid
from dataclasses import dataclass, field
from itertools import accumulate
from urllib.parse import urlencode

from hosting.browser import Browser, LostError
from twoafc_server.simulation.forms import Page
from twoafc_server.simulation.http_bot import DEVICE, FRAME_MS

FASTEST_S, SLOWEST_S = 0.2, 3.0
PAGES = 10
READING_S = (2.0, 6.0)  # of a page before the trials, quickly read


@dataclass
class Log:
    """What happened in a run.

    times: (kind, began, seconds, status) of every request that got a reply.
    answers: uuid of every acknowledged answer. lost: requests without a reply.
    stays: when each person came and went.
    """

    times: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    codes: list = field(default_factory=list)
    lost: int = 0
    refused: list = field(default_factory=list)
    stays: list = field(default_factory=list)

    def at_once(self):
        """The most people who were there at the same time."""
        steps = sorted(
            [(came, 1) for came, _ in self.stays] + [(went, -1) for _, went in self.stays]
        )
        return max(accumulate((step for _, step in sorted(steps)), initial=0))


@dataclass(frozen=True)
class Pace:
    """pause: multiplies the seconds a person takes; 1 is real. network: what happens to requests
    on their way, a `faults.Network`. patience_s: how long a person stays through an outage.
    reloads: whether some load the page again while an answer is on its way."""

    pause: float = 1.0
    patience_s: float = 120.0
    network: object = None
    reloads: bool = False


class GoneError(Exception):
    """The server said something that the page cannot go on from."""


class Participant:
    """One person with one browser."""

    def __init__(self, port, study, name, log, pace, seed):
        self.browser = Browser(port)
        self.study, self.name, self.log, self.pace = study, name, log, pace
        self.random = random.Random(f"{seed}:{name}")
        self.page = None
        self.token = ""

    async def take_part(self):
        """From the link to the code; returns the code."""
        await self.walk_in()
        trial = await self.send("next", {"after": self.page.data.get("after", "")})
        while trial["state"] == "trial":
            reply = await self.one(trial)
            trial = reply.get("next") or await self.send("next", {"after": trial["token"]})
        code = (await self.visit("GET", trial["go"])).code
        if not code:
            raise GoneError("no code at the end")
        self.log.codes.append(code)
        self.browser.close()
        return code

    async def walk_in(self):
        page = await self.visit("GET", f"/study/{self.study}?participant={self.name}")
        for _ in range(PAGES):
            found = self.next_form(page)
            if found is None:
                break
            await self.read()
            page = await self.visit("POST", found[0], urlencode(found[1]).encode())
        if "next" not in page.data:
            await self.read()
            page = await self.visit("GET", "/session/trials")
        if "next" not in page.data:
            raise GoneError("never came to the trials")
        self.page = page

    async def read(self):
        await asyncio.sleep(self.pace.pause * self.random.uniform(*READING_S))

    def next_form(self, page):
        known = {
            "/consent": {"answer": "agree", "read": "yes"},
            "/screening": {},
            "/device": DEVICE,
        }
        for ending, values in known.items():
            form = page.form(ending)
            if form:
                return form.action, {**form.values, **values}
        return None

    async def visit(self, method, path, body=None):
        """A page; while the server is away, again from where this person stands."""
        last = None
        for attempt in self.attempts():
            begun = time.perf_counter()
            try:
                path_now, reply = await self.browser.page(method, path, body)
            except LostError:
                self.log.lost += 1
            else:
                self.note("page", begun, reply.status)
                if reply.status < 500 and reply.status != 429:
                    return Page(reply.body.decode())
                last = (path_now, reply.status)
            if method == "POST":
                method, path, body = "GET", "/session", None
            await self.pause(attempt)
        raise GoneError(f"no page: {last}")

    async def one(self, trial):
        """One trial; returns the reply to the answer."""
        await self.picture(trial["image"])
        await asyncio.sleep(trial["fixation_ms"] / 1000)
        name = uuid.UUID(int=self.random.getrandbits(128), version=4)
        attempt = {"token": trial["token"], "uuid": str(name)}
        exposure = trial["exposure_ms"]
        shown = asyncio.create_task(self.onset(attempt))
        await asyncio.sleep((exposure + FRAME_MS) / 1000)
        thinking_ms = self.pace.pause * self.random.uniform(500, 1100)
        await asyncio.sleep(thinking_ms / 1000)
        chose = "left" if "LEFT" in trial["ask"] else "right"
        if "LEFT" not in trial["ask"] and "RIGHT" not in trial["ask"]:
            chose = self.random.choice(("left", "right"))
        body = {**attempt, "chose": chose, **measured(exposure, thinking_ms)}
        reply = await self.send("answer", body)
        self.log.answers.append(attempt["uuid"])
        await shown
        if trial["practice"]:
            await asyncio.sleep(trial["feedback_ms"] / 1000)
        return reply

    async def onset(self, attempt):
        """On a connection of its own, as a browser would; nothing waits for it."""
        beside = Browser(self.browser.port)
        beside.cookies = self.browser.cookies
        try:
            await self.send("onset", attempt, beside)
        except GoneError as gone:
            self.log.refused.append(str(gone))
        finally:
            beside.close()

    async def picture(self, path):
        for attempt in self.attempts():
            begun = time.perf_counter()
            try:
                reply = await self.browser.ask("GET", path)
                self.note("picture", begun, reply.status)
                if reply.status == 200:
                    return
                if reply.status < 500 and reply.status != 429:
                    raise GoneError(f"picture {reply.status}")
            except LostError:
                self.log.lost += 1
            await self.pause(attempt)
        raise GoneError("no picture")

    async def send(self, kind, table, browser=None):
        """The same request until there is a reply to it."""
        for attempt in self.attempts():
            body = json.dumps({**table, "sends": attempt + 1}).encode()
            begun = time.perf_counter()
            try:
                reply = await self.post(browser or self.browser, kind, body)
                self.note(kind, begun, reply.status)
                if reply.status == 200:
                    return json.loads(reply.body)
                if reply.status < 500 and reply.status != 429:
                    raise GoneError(f"{kind} {reply.status} {reply.body[:80]!r}")
            except LostError:
                self.log.lost += 1
            await self.pause(attempt)
            if kind == "answer" and self.pace.reloads and self.random.random() < 0.3:
                await self.load_again()
        raise GoneError(f"{kind} was never acknowledged")

    async def load_again(self):
        page = await self.visit("GET", "/session/trials")
        if "next" in page.data:
            self.page = page

    async def post(self, browser, kind, body):
        headers = (("X-CSRFToken", self.page.csrf),)
        path = self.page.data[kind]
        if self.pace.network is not None:
            return await self.pace.network.post(browser, path, body, headers)
        return await browser.ask("POST", path, body, "application/json", headers)

    def note(self, kind, begun, status):
        self.log.times.append((kind, begun, time.perf_counter() - begun, status))

    def attempts(self):
        """Numbers from 0 for as long as this person has patience."""
        end = time.monotonic() + self.pace.patience_s
        attempt = 0
        while time.monotonic() < end:
            yield attempt
            attempt += 1

    async def pause(self, attempt):
        longest = min(SLOWEST_S, FASTEST_S * 2**attempt)
        await asyncio.sleep(longest * self.random.uniform(0.5, 1))


def measured(exposure_ms, thinking_ms):
    return {
        "input": "key",
        "rt_ms": thinking_ms,
        "exposure_ms": exposure_ms,
        "frame_ms": FRAME_MS,
        "frames_dropped": 0,
        "hidden_ms": 0,
        "blurred_ms": 0,
        "early_presses": 0,
        "viewport_width": 1600,
        "viewport_height": 1000,
        "pixel_ratio": 1,
        "zoom": 1,
    }


async def crowd(port, study, names, pace, ramp_s, seed=0):
    """All of `names` at once, arriving over `ramp_s` seconds: the log, and who failed and why."""
    log, failed = Log(), {}

    async def one(number, name):
        await asyncio.sleep(ramp_s * number / len(names))
        came = time.perf_counter()
        try:
            await Participant(port, study, name, log, pace, seed).take_part()
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"
        log.stays.append((came, time.perf_counter()))

    await asyncio.gather(*(one(number, name) for number, name in enumerate(names)))
    return log, failed
