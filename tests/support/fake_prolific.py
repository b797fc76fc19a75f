"""Prolific as its public API describes it, on this machine, with an account of real money.

Shapes read at docs.prolific.com/api-reference on 2026-11-24: submissions (list, one, transition,
request-return), bonus-payments, bulk-bonus-payments/pay, webhook headers and signature. The list's
paging (`results`, `_links.next.href`) and the study's currency field are from memory.
"""

import base64
import hashlib
import hmac
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

TOKEN = "fake-token"


@dataclass
class FakeProlific:
    """faults: for `METHOD endpoint`, what befalls its next requests: `before` and `after` are a
    500 without and with the effect, `limit` a 429, `hang` a reply that comes too late."""

    submissions: dict[str, dict[str, Any]] = field(default_factory=dict)
    batches: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    paid: Counter[str] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    faults: dict[str, list[str]] = field(default_factory=dict)
    currency: str = "GBP"
    hang: float = 1.0
    page_size: int = 2

    def add(self, key: str, person: str, status: str = "AWAITING REVIEW") -> None:
        self.submissions[key] = {
            "id": key,
            "participant_id": person,
            "status": status,
            "bonus_payments": [],
            "return_requested": None,
        }

    def app(self) -> Flask:
        app = Flask("fake_prolific")
        api = "/api/v1"
        app.add_url_rule(f"{api}/submissions/", "list", self._list)
        app.add_url_rule(f"{api}/submissions/<key>/", "one", self._one)
        app.add_url_rule(f"{api}/studies/<key>/", "study", self._study)
        for name, rule, view in (
            ("transition", "submissions/<key>/transition/", self._transition),
            ("return", "submissions/<key>/request-return/", self._return),
            ("bonus", "submissions/bonus-payments/", self._bonus),
            ("pay", "bulk-bonus-payments/<key>/pay/", self._pay),
        ):
            app.add_url_rule(f"{api}/{rule}", name, view, methods=["POST"])
        app.before_request(self._before)
        app.after_request(self._after)
        return app

    def _before(self) -> ResponseReturnValue | None:
        if request.headers.get("Authorization") != f"Token {TOKEN}":
            return jsonify(error="no token"), 401
        waiting = self.faults.get(str(request.endpoint), [])
        self.fault = waiting.pop(0) if waiting else ""
        if self.fault == "before":
            return jsonify(error="server"), 500
        if self.fault == "limit":
            return jsonify(error="slow down"), 429, {"Retry-After": "7"}
        return None

    def _after(self, response: Response) -> Response:
        if getattr(self, "fault", "") == "after":
            response.status_code = 500
        if getattr(self, "fault", "") == "hang":
            time.sleep(self.hang)
        return response

    def _list(self) -> ResponseReturnValue:
        page = int(request.args.get("page", "1"))
        rows = list(self.submissions.values())
        shown = rows[(page - 1) * self.page_size : page * self.page_size]
        more = page * self.page_size < len(rows)
        href = f"{request.base_url}?study={request.args['study']}&page={page + 1}" if more else None
        public = [{k: v for k, v in row.items() if k != "bonus_payments"} for row in shown]
        return jsonify(results=public, _links={"next": {"href": href}}, meta={"count": len(rows)})

    def _one(self, key: str) -> ResponseReturnValue:
        return jsonify({**self.submissions[key], "participant": "x"})

    def _study(self, key: str) -> ResponseReturnValue:
        return jsonify(id=key, presentment_currency_code=self.currency, reward=150)

    def _transition(self, key: str) -> ResponseReturnValue:
        assert request.get_json() == {"action": "APPROVE"}
        row = self.submissions[key]
        if row["status"] != "APPROVED":
            row["status"] = "APPROVED"
            self.paid[row["participant_id"]] += 150
        return jsonify(row)

    def _return(self, key: str) -> ResponseReturnValue:
        row = self.submissions[key]
        assert request.get_json()["request_return_reasons"]
        self.messages[row["participant_id"]] += 1
        row["return_requested"] = "2026-11-24T10:00:00Z"
        return jsonify(row)

    def _bonus(self) -> ResponseReturnValue:
        rows = [line.split(",") for line in request.get_json()["csv_bonuses"].splitlines()]
        people = {row["participant_id"] for row in self.submissions.values()}
        if not all(person in people for person, _ in rows):
            return jsonify(error="unknown participants"), 400
        key = f"batch{len(self.batches)}"
        self.batches[key] = [(person, round(float(amount) * 100)) for person, amount in rows]
        amount = sum(minor for _, minor in self.batches[key])
        return jsonify(id=key, amount=amount, fees=amount * 0.3, total_amount=amount * 1.3), 201

    def _pay(self, key: str) -> ResponseReturnValue:
        """Not idempotent, as documented."""
        for person, minor in self.batches[key]:
            self.paid[person] += minor
            for row in self.submissions.values():
                if row["participant_id"] == person:
                    row["bonus_payments"].append(minor)
        return "", 202


def signed(secret: str, at: int, event: dict[str, Any]) -> dict[str, Any]:
    """A webhook request: what to post and with which headers."""
    body = json.dumps(event)
    digest = hmac.new(secret.encode(), f"{at}{body}".encode(), hashlib.sha256).digest()
    headers = {
        "X-Prolific-Request-Timestamp": str(at),
        "X-Prolific-Request-Signature": base64.b64encode(digest).decode(),
    }
    return {"data": body, "headers": headers, "content_type": "application/json"}
