"""`doctor`: looks at an installation's environment, database, clock and disk, one line each.

Exit code 0: nothing is wrong; 1: something is. It changes nothing and prints no secret.
"""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from sqlalchemy import Engine, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from twoafc_server.base import environment as names
from twoafc_server.base.clock import now_ms
from twoafc_server.base.errors import InputError
from twoafc_server.cli.common import add_database, parser
from twoafc_server.storage import migrate
from twoafc_server.storage.database import open_engine, reading
from twoafc_server.storage.models import Event, Identity, Participant, Study
from twoafc_server.storage.studies import protocol_of
from twoafc_server.web.installation.readiness import LEAST_FREE, free_bytes
from twoafc_server.web.installation.settings import from_environment
from twoafc_server.web.installation.strength import weakness

_DAY_MS = 86_400_000
_SECRETS = (names.SECRET, names.PSEUDONYM_KEY, names.METRICS_TOKEN)

Environment = Mapping[str, str]


class Check(NamedTuple):
    """level: `wrong` must be mended, `note` should be looked at."""

    level: Literal["ok", "note", "wrong"]
    about: str
    says: str


def main(argv: list[str]) -> int:
    options = parser("doctor", __doc__ or "")
    add_database(options)
    options.add_argument("--url", help="the public address, to be asked through the proxy")
    given = options.parse_args(argv)
    checks = list(examine(os.environ, given.db, given.url))
    for check in checks:
        print(f"{check.level:<6}{check.about:<10}{check.says}")
    return int(any(check.level == "wrong" for check in checks))


def examine(environment: Environment, database: str, url: str | None = None) -> Iterator[Check]:
    """All checks, from the environment to the outside."""
    yield from secrets(environment)
    yield from variables(environment)
    yield from proxy(environment)
    yield from limits(environment)
    yield from disk(database)
    yield from data(environment, database)
    if url:
        yield from outside(environment, url.rstrip("/"))


def secrets(environment: Environment) -> Iterator[Check]:
    for name in _SECRETS:
        value = environment.get(name, "")
        if not value and name == names.METRICS_TOKEN:
            yield Check("note", "secrets", f"{name} is not set: /metrics is switched off")
        elif not value:
            yield Check("wrong", "secrets", f"{name} is not set: make one as docs/hosting.md says")
        elif weakness(value):
            yield Check("wrong", "secrets", f"{name} is weak: {weakness(value)}")
        else:
            yield Check("ok", "secrets", f"{name} is set, {len(value)} characters")
    values = [environment[name] for name in _SECRETS if environment.get(name)]
    if len(set(values)) < len(values):
        yield Check("wrong", "secrets", "two secrets are equal: each needs its own")


def variables(environment: Environment) -> Iterator[Check]:
    """Misspelt names, and values that `serve` would refuse."""
    known = {v for v in vars(names).values() if str(v).startswith("TWOAFC_")}
    for name in sorted(set(environment) - known):
        if name.startswith("TWOAFC_"):
            yield Check("wrong", "settings", f"{name} is no setting of this version: a slip?")
    try:
        from_environment(environment)
    except InputError as error:
        if names.SECRET not in str(error) and names.PSEUDONYM_KEY not in str(error):
            yield Check("wrong", "settings", str(error))
    keys = environment.get(names.PROLIFIC_JWKS)
    if keys and Path(keys).is_file():
        days = (time.time() - Path(keys).stat().st_mtime) / 86_400
        level: Literal["ok", "note"] = "note" if days > 2 else "ok"
        yield Check(level, "settings", f"Prolific's public keys are {days:.1f} days old")


def proxy(environment: Environment) -> Iterator[Check]:
    hops = environment.get(names.PROXY_HOPS, "0")
    if environment.get(names.INSECURE_COOKIES) == "1":
        yield Check("wrong", "cookies", f"{names.INSECURE_COOKIES}=1 sends them over plain HTTP")
    else:
        yield Check("ok", "cookies", "Secure, HttpOnly, __Host-")
    if hops == "0":
        yield Check("note", "proxy", f"{names.PROXY_HOPS} is 0: behind one proxy it must be 1")
    elif hops.isdecimal():
        yield Check("ok", "proxy", f"{hops} trusted; `--url` asks whether that is the right number")


def limits(environment: Environment) -> Iterator[Check]:
    storage = environment.get(names.LIMITER_STORAGE, "memory://")
    if storage.startswith("memory"):
        yield Check("note", "limits", "counted in each worker: N workers allow N times as much")
    else:
        yield Check("ok", "limits", "counted in a shared store")


def disk(database: str) -> Iterator[Check]:
    try:
        free = free_bytes(database)
    except (OSError, InputError, SQLAlchemyError) as error:
        yield Check("wrong", "disk", f"cannot be looked at: {type(error).__name__}")
        return
    level: Literal["ok", "wrong"] = "ok" if free >= LEAST_FREE else "wrong"
    yield Check(level, "disk", f"{free / 2**30:.1f} GiB free, wanted {LEAST_FREE / 2**30:.1f}")


def data(environment: Environment, database: str) -> Iterator[Check]:
    """The database and, if it can be used, what lies in it."""
    shown = make_url(database).render_as_string(hide_password=True)
    file = make_url(database).database or ""
    if database.startswith("sqlite") and not Path(file).is_file():
        yield Check("wrong", "database", f"found no {file}: run `db upgrade` or `create`")
        return
    engine = open_engine(database)
    try:
        found = migrate.current(engine)
        if found != migrate.head():
            says = f"{shown} has revision {found or 'none'}, wanted {migrate.head()}: `db upgrade`"
            yield Check("wrong", "database", says)
            return
        yield Check("ok", "database", f"{shown}, revision {found}")
        yield from _permissions(engine, file)
        yield from clock(engine)
        yield from studies(engine, environment)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).splitlines()[0]
        yield Check("wrong", "database", f"{shown} cannot be reached: {reason}")
    finally:
        engine.dispose()


def _permissions(engine: Engine, file: str) -> Iterator[Check]:
    if engine.dialect.name == "sqlite":
        if Path(file).stat().st_mode & 0o007:
            yield Check(
                "note", "database", f"everybody on this machine can open it: chmod 600 {file}"
            )
        return
    with engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit"):
            if connection.execute(text(f"SHOW {setting}")).scalar() == "off":
                yield Check("wrong", "database", f"{setting} is off: answers can be lost")


def clock(engine: Engine, now: Callable[[], int] = now_ms) -> Iterator[Check]:
    """Against the database's own clock and what was stored last."""
    with reading(engine) as session:
        last = session.scalar(select(func.max(Event.at)))
        if engine.dialect.name == "postgresql":
            there = session.scalar(text("SELECT extract(epoch FROM clock_timestamp()) * 1000"))
            apart = abs(float(there or 0) - now()) / 1000
            if apart > 5:
                says = f"{apart:.0f} s apart from the database's: check time synchronisation"
                yield Check("wrong", "clock", says)
                return
    if last is not None and last > now() + 5000:
        ahead = (last - now()) / 1000
        yield Check("wrong", "clock", f"the last stored event lies {ahead:.0f} s in the future")
    else:
        yield Check("ok", "clock", "agrees with the database")


def studies(engine: Engine, environment: Environment) -> Iterator[Check]:
    with reading(engine) as session:
        for study in session.scalars(select(Study).order_by(Study.name)):
            protocol = protocol_of(study)
            platform = protocol.platform
            late = session.scalar(
                select(func.count())
                .select_from(Identity)
                .join(Participant, Participant.id == Identity.participant_id)
                .where(Participant.study_id == study.id)
                .where(Identity.stored_at <= now_ms() - (protocol.retention_days + 1) * _DAY_MS)
            )
            if late:
                says = f"{late} ids are past their time: is the timer of `retain` running?"
                yield Check("wrong", study.name, says)
            if platform.require_token and not environment.get(names.PROLIFIC_JWKS):
                yield Check("wrong", study.name, f"needs signed links: set {names.PROLIFIC_JWKS}")
            if platform.kind == "prolific" and not platform.codes.completed:
                yield Check("note", study.name, "has no completion code for Prolific")
            if "example.org" in protocol.contact.email and study.name != "demo":
                yield Check("note", study.name, "shows participants no contact: set [contact]")


def outside(environment: Environment, url: str) -> Iterator[Check]:
    """Through the proxy, as a participant comes. Certificates are verified."""
    token = environment.get(names.METRICS_TOKEN, "")
    request = urllib.request.Request(f"{url}/readyz", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            seen = json.load(reply).get("seen_as")
        with urllib.request.urlopen(f"{url}/admin/sign-in", timeout=10) as page:
            cookie = page.headers.get("Set-Cookie", "")
    except (urllib.error.URLError, OSError, ValueError) as error:
        yield Check("wrong", "outside", f"{url} does not answer as it should: {error}")
        return
    if seen is None:
        yield Check("note", "outside", f"set {names.METRICS_TOKEN} to compare the address seen")
    elif seen != url:
        says = f"the server takes itself for {seen}, not {url}: mend {names.PROXY_HOPS}"
        yield Check("wrong", "outside", f"{says} or the proxy's X-Forwarded headers")
    else:
        yield Check("ok", "outside", f"reached as {url}")
    if "Secure" not in cookie or "__Host-" not in cookie:
        yield Check("wrong", "outside", "the session cookie is not Secure with the __Host- prefix")
