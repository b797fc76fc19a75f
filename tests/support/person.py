"""A participant as the server sees one: a test client that walks the pages and the trials."""

import re
import uuid as uuids
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from tiny_study import Clock
from werkzeug.test import TestResponse

CSRF = re.compile(r'name="csrf[_-]token" (?:value|content)="([^"]+)"')


def new_uuid() -> str:
    return str(uuids.uuid4())


@dataclass
class Person:
    """name: the platform's id; clock: advanced past each exposure."""

    app: Flask
    name: str
    clock: Clock
    study: str = "tiny"
    answers: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def arrive(self) -> TestResponse:
        return self.client.get(
            f"/study/{self.study}?participant={self.name}", follow_redirects=True
        )

    def csrf(self, page: TestResponse | None = None) -> str:
        page = page or self.client.get("/session", follow_redirects=True)
        found = CSRF.search(page.text)
        assert found, page.text
        return found.group(1)

    def submit(self, where: str, **form: str) -> TestResponse:
        form["csrf_token"] = self.csrf()
        return self.client.post(f"/session/{where}", data=form, follow_redirects=True)

    def consent(self) -> TestResponse:
        return self.submit("consent", answer="agree", read="yes")

    def pass_device(self) -> TestResponse:
        return self.submit(
            "device",
            viewport_width="1280",
            viewport_height="800",
            screen_width="1280",
            screen_height="800",
            pixel_ratio="1",
            refresh_hz="60",
            touch="0",
        )

    def begin(self) -> TestResponse:
        """From the link to the page of the trials."""
        self.arrive()
        self.consent()
        self.pass_device()
        return self.open_trials()

    def open_trials(self) -> TestResponse:
        page = self.client.get("/session/trials")
        if page.status_code == 200:
            self.token = self.csrf(page)
        return page

    def post(self, what: str, **body: Any) -> TestResponse:
        return self.client.post(
            f"/session/api/{what}", json=body, headers={"X-CSRFToken": self.token}
        )

    def next(self) -> dict[str, Any]:
        return self.post("next").get_json()

    def answer_body(self, trial: dict[str, Any], chose: str = "left") -> dict[str, Any]:
        ask = trial["ask"]
        side = "left" if "LEFT" in ask else "right" if "RIGHT" in ask else chose
        return {
            "token": trial["token"],
            "uuid": new_uuid(),
            "chose": side,
            "input": "key",
            "rt_ms": 640.5,
            "exposure_ms": trial["exposure_ms"],
            "frame_ms": 16.7,
            "frames_dropped": 0,
            "hidden_ms": 0,
            "blurred_ms": 0,
            "early_presses": 0,
            "viewport_width": 1280,
            "viewport_height": 800,
            "pixel_ratio": 1,
            "zoom": 2,
        }

    def show(self, trial: dict[str, Any], body: dict[str, Any]) -> None:
        picture = self.client.get(trial["image"])
        assert picture.status_code == 200
        onset = self.post("onset", token=trial["token"], uuid=body["uuid"])
        assert onset.status_code == 200, onset.text
        self.clock.wait(trial["exposure_ms"] + 700)

    def do(self, trial: dict[str, Any], chose: str = "left") -> TestResponse:
        body = self.answer_body(trial, chose)
        self.show(trial, body)
        self.answers.append(body)
        return self.post("answer", **body)

    def finish(self, chose: str = "left") -> TestResponse:
        """All remaining trials, then the last page."""
        while (trial := self.next())["state"] == "trial":
            assert self.do(trial, chose).status_code == 200
        return self.client.get("/session")

    def take_part(self) -> TestResponse:
        self.begin()
        return self.finish()
