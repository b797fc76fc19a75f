"""Prolific's public API, the few calls that paying needs (docs.prolific.com/api-reference).

Only what the API calls idempotent is repeated by itself. Paying a batch of bonuses is not: it is
asked once, and a reply that got lost is an UnknownError for a person to settle.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

from twoafc_server.base.environment import PROLIFIC_API, PROLIFIC_TOKEN
from twoafc_server.base.errors import InputError
from twoafc_server.platforms.money import Money

HOME = "https://api.prolific.com/api/v1/"
TRIES = 6
_LONGEST_PAUSE = 60.0
# "Up to 200 participants per request."
BATCH = 200


class RefusedError(Exception):
    """The platform certainly did not do it; says why."""


class UnknownError(Exception):
    """Nobody can tell whether the platform did it."""


@dataclass(frozen=True)
class Submission:
    """bonuses: paid so far, in hundredths. return_requested: somebody asked for a return."""

    id: str
    participant: str
    status: str
    bonuses: tuple[int, ...] = ()
    return_requested: bool = False


@dataclass(frozen=True)
class Prolific:
    """An account. pause: sleeps so many seconds; tests put a faster clock in its place."""

    token: str
    home: str = HOME
    timeout: float = 30.0
    pause: Callable[[float], None] = time.sleep

    def __repr__(self) -> str:
        return f"Prolific({self.home})"

    def submissions(self, study: str) -> Iterator[Submission]:
        """All submissions of a study, page by page, each once."""
        url = "submissions/?" + urlencode({"study": study, "page_size": 100})
        seen: set[str] = set()
        while url:
            page = self._repeat("GET", url)
            for row in page.get("results", []):
                if row["id"] not in seen:
                    seen.add(row["id"])
                    yield _submission(row)
            url = str(((page.get("_links") or {}).get("next") or {}).get("href") or "")
            if url and urlsplit(url).netloc not in {"", urlsplit(self.home).netloc}:
                raise RefusedError("a page of the list lies on another host")

    def submission(self, key: str) -> Submission:
        return _submission(self._repeat("GET", f"submissions/{key}/"))

    def currency(self, study: str) -> str:
        """The currency in which a study pays, or empty where the API does not say."""
        found = self._repeat("GET", f"studies/{study}/")
        return str(found.get("presentment_currency_code") or found.get("currency_code") or "")

    def approve(self, key: str) -> None:
        """Repeated safely: a second request is ignored there."""
        self._repeat("POST", f"submissions/{key}/transition/", {"action": "APPROVE"})

    def request_return(self, key: str, reason: str) -> None:
        """Once: each request sends the participant a message."""
        body = {"request_return_reasons": [reason]}
        self._once("POST", f"submissions/{key}/request-return/", body)

    def set_up_bonuses(self, study: str, bonuses: Sequence[tuple[str, Money]]) -> str:
        """The id of a batch that is not paid yet. Checks that the API understood the amounts."""
        lines = "\n".join(f"{person},{amount.major}" for person, amount in bonuses)
        body = {"study_id": study, "csv_bonuses": lines}
        made = self._repeat("POST", "submissions/bonus-payments/", body)
        wanted = sum(amount.minor for _, amount in bonuses)
        understood = made.get("amount")
        if understood is None or round(float(understood)) != wanted:
            raise RefusedError(f"Prolific understood {understood} hundredths, we meant {wanted}")
        return str(made["id"])

    def pay(self, batch: str) -> None:
        """Not idempotent there: once, and never again by itself."""
        self._once("POST", f"bulk-bonus-payments/{batch}/pay/", {})

    def _repeat(self, method: str, url: str, body: Any = None) -> dict[str, Any]:
        """With growing pauses, or as long as the platform asks."""
        wait = 1.0
        last: Exception | None = None
        for attempt in range(TRIES):
            try:
                return self._ask(method, url, body)
            except _LaterError as later:
                asked, last = later.seconds, later
            except UnknownError as error:
                asked, last = None, error
            if attempt + 1 < TRIES:
                self.pause(min(asked if asked is not None else wait, _LONGEST_PAUSE))
                wait *= 2
        raise UnknownError(f"no answer after {TRIES} attempts: {last}")

    def _once(self, method: str, url: str, body: Any) -> dict[str, Any]:
        """Again only where the platform certainly did nothing: too many requests at once."""
        for _ in range(TRIES):
            try:
                return self._ask(method, url, body)
            except _LaterError as later:
                self.pause(min(later.seconds or 1.0, _LONGEST_PAUSE))
        raise RefusedError("too many requests at once; nothing was done")

    def _ask(self, method: str, url: str, body: Any) -> dict[str, Any]:
        target = url if url.startswith("http") else self.home + url
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        request = Request(target, data, headers, method=method)
        try:
            with urlopen(request, timeout=self.timeout) as reply:
                raw = reply.read()
                found: dict[str, Any] = json.loads(raw) if raw.strip() else {}
                return found
        except HTTPError as error:
            with error:
                raise _judge(error) from error
        except URLError as error:
            if isinstance(error.reason, ConnectionRefusedError):
                raise RefusedError("nobody answers at the platform's address") from error
            raise UnknownError(type(error.reason).__name__) from error
        except (OSError, HTTPException, ValueError) as error:
            raise UnknownError(type(error).__name__) from error


class _LaterError(Exception):
    def __init__(self, seconds: float | None) -> None:
        super().__init__("too many requests")
        self.seconds = seconds


def _judge(error: HTTPError) -> Exception:
    if error.code == 429:
        given = error.headers.get("Retry-After", "")
        return _LaterError(float(given) if given.isdecimal() else None)
    if error.code >= 500:
        return UnknownError(f"status {error.code}")
    return RefusedError(f"status {error.code}: {error.read(300).decode('utf-8', 'replace')}")


def _submission(row: Mapping[str, Any]) -> Submission:
    return Submission(
        id=str(row["id"]),
        participant=str(row.get("participant_id") or row.get("participant") or ""),
        status=str(row.get("status") or "").upper().replace("_", " "),
        bonuses=tuple(round(float(x)) for x in row.get("bonus_payments") or ()),
        return_requested=bool(row.get("return_requested")),
    )


def account(environment: Mapping[str, str]) -> Prolific:
    """From the environment. Raises InputError without a token."""
    token = environment.get(PROLIFIC_TOKEN, "")
    if not token:
        raise InputError(f"{PROLIFIC_TOKEN} is not set: it is the API token of your account")
    return Prolific(token, environment.get(PROLIFIC_API) or HOME)
