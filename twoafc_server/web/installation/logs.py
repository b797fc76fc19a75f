"""One JSON line per request, without ids, addresses or query strings."""

import json
import logging
import sys
import time

from flask import Flask, Response, g, request

from twoafc_server.base.clock import iso, now_ms

_log = logging.getLogger("twoafc_server")


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": iso(now_ms()),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure() -> None:
    """Send this package's log to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    _log.handlers = [handler]
    _log.setLevel(logging.INFO)
    _log.propagate = False


def watch(app: Flask) -> None:
    """Log every request by endpoint, status and duration."""

    @app.before_request
    def begin() -> None:
        g.begun = time.perf_counter()

    @app.after_request
    def finish(response: Response) -> Response:
        fields = {
            "method": request.method,
            "endpoint": request.endpoint or "none",
            "study": g.get("study", ""),
            "status": response.status_code,
            "ms": round(1000 * (time.perf_counter() - g.begun), 1) if "begun" in g else None,
        }
        _log.info("request", extra={"fields": fields})
        return response


def failure(endpoint: str | None) -> None:
    """Log an unexpected exception with its traceback."""
    _log.error("failure", exc_info=True, extra={"fields": {"endpoint": endpoint or "none"}})


def outage(endpoint: str | None, error: Exception) -> None:
    """Log that the database was away, slow, full or read-only, in one line."""
    kind = type(getattr(error, "orig", None) or error).__name__
    _log.warning("outage", extra={"fields": {"endpoint": endpoint or "none", "kind": kind}})
