"""`/metrics` for Prometheus, behind a token. No label holds an id, an address or a query."""

import os
import time
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Flask, Response, abort, g, request
from flask.typing import ResponseReturnValue
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine, func, select

from twoafc_server.base.clock import Clock
from twoafc_server.storage.database import reading
from twoafc_server.storage.models import Identity, Participant, Slot, Study
from twoafc_server.storage.studies import protocol_of
from twoafc_server.web.installation.context import engine, now
from twoafc_server.web.installation.health import authorised

blueprint = Blueprint("metrics", __name__)

# Workers share their counts through files in this folder; `serve` makes it.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_DAY_MS = 86_400_000


class Studies(Collector):
    """Counts read from the database at the moment they are asked for."""

    def __init__(self, engine: Engine, now: Clock) -> None:
        self._engine, self._now = engine, now

    def collect(self) -> Iterator[Metric]:
        slots = GaugeMetricFamily("twoafc_slots", "Slots by state", labels=["study", "state"])
        people = GaugeMetricFamily(
            "twoafc_participants", "Participants by status", labels=["study", "status"]
        )
        overdue = GaugeMetricFamily(
            "twoafc_identities_overdue", "Raw ids kept longer than the study says", labels=["study"]
        )
        with reading(self._engine) as database:
            for study in database.scalars(select(Study)).all():
                for metric, column, model in (
                    (slots, Slot.state, Slot),
                    (people, Participant.status, Participant),
                ):
                    query = select(column, func.count()).where(model.study_id == study.id)
                    for label, count in database.execute(query.group_by(column)):
                        metric.add_metric([study.name, label], count)
                days = protocol_of(study).retention_days
                late = (
                    select(func.count())
                    .select_from(Identity)
                    .join(Participant, Participant.id == Identity.participant_id)
                    .where(Participant.study_id == study.id)
                    .where(Identity.stored_at <= self._now() - days * _DAY_MS)
                )
                overdue.add_metric([study.name], database.scalar(late) or 0)
        yield from (slots, people, overdue)


def watch(app: Flask) -> None:
    """Count every request by endpoint, method and status, and how long it took."""
    registry = CollectorRegistry()
    app.extensions["twoafc_metrics"] = registry
    count = Counter(
        "twoafc_requests",
        "Requests",
        ["endpoint", "method", "status"],
        registry=registry,
    )
    seconds = Histogram(
        "twoafc_request_seconds",
        "Time to answer",
        ["endpoint"],
        buckets=_BUCKETS,
        registry=registry,
    )

    @app.before_request
    def begin() -> None:
        g.counted_from = time.perf_counter()

    @app.after_request
    def finish(response: Response) -> Response:
        endpoint = request.endpoint or "none"
        count.labels(endpoint, _method(), response.status_code).inc()
        if "counted_from" in g:
            seconds.labels(endpoint).observe(time.perf_counter() - g.counted_from)
        return response


def _method() -> str:
    # Any word can be sent as a method; each would be a series of its own.
    return request.method if request.method in {"GET", "HEAD", "POST", "OPTIONS"} else "other"


@blueprint.get("/metrics")
def metrics() -> ResponseReturnValue:
    if not authorised():
        abort(404)
    from flask import current_app

    counts: Any = current_app.extensions["twoafc_metrics"]
    if os.environ.get(FOLDER):
        counts = CollectorRegistry()
        multiprocess.MultiProcessCollector(counts)  # type: ignore[no-untyped-call]
    studies = CollectorRegistry()
    studies.register(Studies(engine(), now))
    return Response(
        generate_latest(counts) + generate_latest(studies), mimetype=CONTENT_TYPE_LATEST
    )
