"""`/healthz`: the process answers. `/readyz`: it can take people in."""

import hmac

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from twoafc_server.web.installation import readiness
from twoafc_server.web.installation.context import engine, settings

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Alive: asks nothing, so that a database that is away restarts no worker."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Ready, or what is wrong; with the metrics' token also the address as the server sees it."""
    wrong = readiness.problems(engine(), settings().database)
    reply: dict[str, object] = {"status": "not ready" if wrong else "ok", "problems": wrong}
    if authorised():
        reply["seen_as"] = request.host_url.rstrip("/")
    return jsonify(reply), 503 if wrong else 200


def authorised() -> bool:
    """Whether a request carries the installation's token for metrics; never without one set."""
    expected = settings().metrics_token
    given = request.headers.get("Authorization", "")
    return bool(expected) and hmac.compare_digest(given.encode(), f"Bearer {expected}".encode())
